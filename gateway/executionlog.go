package gateway

// ExecutionLevel says of which requests a stage keeps an account, step by step.
type ExecutionLevel string

// The levels, as Amazon writes them.
const (
	// ExecutionOff is the default.
	ExecutionOff ExecutionLevel = "OFF"
	// ExecutionErrors tells of requests that the gateway answered with an error of its own,
	// and why.
	ExecutionErrors ExecutionLevel = "ERROR"
	// ExecutionSteps tells of all requests what was done with them.
	ExecutionSteps ExecutionLevel = "INFO"
)

// ExecutionDetail is how much is told of a request.
type ExecutionDetail struct {
	// Level is empty where nothing is said of it.
	Level ExecutionLevel
	// DataTrace tells queries, headers and the beginnings of bodies besides. It goes with
	// ExecutionSteps.
	DataTrace bool
}

// Errors reports whether failures are told, and Steps whether all else is.
func (d ExecutionDetail) Errors() bool {
	return d.Level == ExecutionErrors || d.Level == ExecutionSteps
}

// Steps reports whether what was done with a request is told.
func (d ExecutionDetail) Steps() bool { return d.Level == ExecutionSteps }

// Data reports whether what was sent is told, too.
func (d ExecutionDetail) Data() bool { return d.Steps() && d.DataTrace }

// ExecutionLog has accounts of requests written, where they go and how much they tell.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
type ExecutionLog struct {
	ExecutionDetail
	// Destination, MaxBytes and MaxFiles are what they are of a StageAccessLog.
	Destination string
	MaxBytes    int64
	MaxFiles    int
	Source      Position
}

// RouteExecution tells how much is told of requests to a route: what its own settings say,
// then those of all routes, then the stage. An empty key stands for requests without a route.
func (s *Stage) RouteExecution(routeKey string) ExecutionDetail {
	if d := setting(s, routeKey, func(at *RouteSettings) *ExecutionDetail { return at.Execution }); d != nil {
		return *d
	}
	if s.ExecutionLog != nil {
		return s.ExecutionLog.ExecutionDetail
	}
	return ExecutionDetail{}
}

// LogsExecutions reports whether anything is told of any of the stage's requests.
func (s *Stage) LogsExecutions() bool {
	if s.ExecutionLog != nil && s.ExecutionLog.Errors() {
		return true
	}
	for i := range s.Settings {
		if e := s.Settings[i].Execution; e != nil && e.Errors() {
			return true
		}
	}
	return false
}

// ExecutionLogTo is where accounts of the stage's requests go: to the standard output
// where the stage says nothing of it.
func (s *Stage) ExecutionLogTo() (destination string, maxBytes int64, maxFiles int) {
	if s.ExecutionLog == nil || s.ExecutionLog.Destination == "" {
		return DestinationStdout, 0, 0
	}
	return s.ExecutionLog.Destination, s.ExecutionLog.MaxBytes, s.ExecutionLog.MaxFiles
}
