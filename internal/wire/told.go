package wire

// ToldHeader is the one piece of metadata with which Envoy calls the authorization
// service: all that the service has to know beside the request, which Envoy's own
// attributes do not tell. It is one header because each costs as much as a small filter.
const ToldHeader = InternalHeaderPrefix + "told"

// Told is what ToldHeader says; "" stands for nothing.
type Told struct {
	// Client is the client's address as Envoy understands it.
	Client string
	// SourceVPC and SourceVPCE are what the listener says that a request came by, and
	// CarriedVPC and CarriedVPCE what the first pass of a path-form request carried over.
	SourceVPC, CarriedVPC, SourceVPCE, CarriedVPCE string
	// AskedHost and AskedPath are what the client of a path-form request asked for.
	AskedHost, AskedPath string
}

// fields are in the order in which they are written, with spaces between. The last one
// may have spaces in it, and is the only one that a client has much of a say in.
func (t *Told) fields() []*string {
	return []*string{&t.Client, &t.SourceVPC, &t.CarriedVPC, &t.SourceVPCE, &t.CarriedVPCE, &t.AskedHost, &t.AskedPath}
}

// String is the header's value. Fields may be Envoy's format commands.
func (t Told) String() string { return joinFields(t.fields(), " ") }

// ParseTold reads the value of ToldHeader.
func ParseTold(value string) Told {
	var t Told
	splitFields(value, t.fields(), " ")
	return t
}
