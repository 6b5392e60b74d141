package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

var noSignIn = strings.Replace(petsDefinitions, "SIGNIN", "description: For you", 1)

// TestKey asks for a key by a secret link, has it approved, and uses it up.
func TestKey(t *testing.T) {
	p := serve(t, store.NewMemory(), noSignIn)
	b := p.browser()
	answer, sent := b.ask("/account/request/pets/v1", ada)
	secret := secretForm.FindStringSubmatch(sent)
	if answer.StatusCode != http.StatusOK || secret == nil {
		t.Fatalf("%d %s", answer.StatusCode, sent)
	}
	for _, c := range answer.Cookies() {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/developers/account/" || !strings.HasPrefix(c.Name, "__Secure-") {
			t.Errorf("the cookie %s can be had by others", c)
		}
	}
	requests := p.requests()
	if len(requests) != 1 || requests[0].Name != "Ada <i>L</i>" || requests[0].Purpose != `to try "it"` || requests[0].State != Pending {
		t.Fatalf("%+v", requests)
	}
	id := requests[0].ID
	if len(p.asked) != 1 || p.asked[0].ID != id {
		t.Errorf("the owner was told of %+v", p.asked)
	}
	if got := b.want(200, "/account/keys/"+id, nil); !strings.Contains(got, "waits for approval") || strings.Contains(got, "/reveal") {
		t.Error(got)
	}
	b.want(409, "/account/request/pets/v1", ada)
	if len(p.asked) != 1 {
		t.Error("the owner was told of a request that was not taken")
	}
	b.want(409, "/account/keys/"+id+"/reveal", url.Values{})

	if code, text := p.decide(id, `{"state": "approved"}`); code != 200 || !strings.Contains(text, `"keyId"`) {
		t.Fatal(code, text)
	}
	if code, _ := p.decide(id, `{"state": "denied"}`); code != 409 {
		t.Errorf("a request that is approved can be denied: %d", code)
	}
	key := keyOf(t, p.store, p.requests()[0].KeyID)
	if !key.Enabled || key.Tags[restapi.PlanTag] != "gold" || key.Tags[RequestTag] != id {
		t.Errorf("%+v", key)
	}
	shown := b.want(200, "/account/keys/"+id, nil)
	for _, want := range []string{"approved", "/reveal", `id="left">957<`, ">40<", "1000 requests a month"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page of the key lacks %q: %s", want, shown)
		}
	}

	// Another browser has the secret, and a third one has not.
	again := p.browser()
	again.want(303, "/account/sign-in", url.Values{"secret": {secret[1]}})
	revealed := keyForm.FindStringSubmatch(again.want(200, "/account/keys/"+id+"/reveal", url.Values{}))
	if revealed == nil || revealed[1] != key.Value {
		t.Fatalf("the key is %q, shown was %q", key.Value, revealed)
	}
	again.want(409, "/account/keys/"+id+"/reveal", url.Values{})
	b.want(409, "/account/keys/"+id+"/reveal", url.Values{})
	stranger := p.browser()
	stranger.want(403, "/account/sign-in", url.Values{"secret": {"guess"}})
	stranger.want(303, "/account/keys", nil)
	eve := url.Values{"name": {"Eve"}, "email": {"eve@example.com"}}
	stranger.want(200, "/account/request/pets/v1", eve)
	for _, path := range []string{"", "/reveal", "/revoke"} {
		var form url.Values
		if path != "" {
			form = url.Values{}
		}
		stranger.want(404, "/account/keys/"+id+path, form)
	}

	b.want(303, "/account/keys/"+id+"/revoke", url.Values{})
	if key := keyOf(t, p.store, requests[0].KeyID); key != nil {
		t.Errorf("the key is there: %+v", key)
	}
	if got := b.want(200, "/account/keys", nil); !strings.Contains(got, "revoked") {
		t.Error(got)
	}
	for _, hidden := range []string{key.Value, secret[1]} {
		if strings.Contains(p.log.String(), hidden) {
			t.Errorf("the log has %s", p.log)
		}
	}
}

func keyOf(t *testing.T, s store.Store, id string) (key *restapi.APIKey) {
	t.Helper()
	_ = s.View(t.Context(), func(r store.Reader) error {
		key, _ = restapi.ReadAPIKey(r, gateway.DefaultRegion, id)
		return nil
	})
	return key
}

// TestManagedPlan approves a key of a usage plan that the management API keeps.
func TestManagedPlan(t *testing.T) {
	kept := store.NewMemory()
	p := serve(t, kept, noSignIn)
	b := p.browser()
	b.want(200, "/account/request/pets/v1", ada)
	p.server.compiled.Load().sites["developers"].apis[0].planFiled = false
	id := p.requests()[0].ID
	if code, text := p.decide(id, `{"state": "approved"}`); code != 409 || !strings.Contains(text, "the usage plan gold is not there any more") {
		t.Fatal(code, text)
	}
	if err := kept.Update(t.Context(), func(tx store.Tx) error {
		return store.WriteDocument(tx, restapi.UsagePlansFolder(gateway.DefaultRegion)+"gold", restapi.UsagePlan{ID: "gold"})
	}); err != nil {
		t.Fatal(err)
	}
	if code, text := p.decide(id, `{"state": "approved"}`); code != 200 {
		t.Fatal(code, text)
	}
	has := func() (has bool) {
		_ = kept.View(t.Context(), func(r store.Reader) error {
			keys, err := r.Children(restapi.UsagePlanKeysFolder(gateway.DefaultRegion, "gold"))
			has = len(keys) == 1
			return err
		})
		return has
	}
	if !has() {
		t.Error("the plan has no key")
	}
	if code, text := p.decide(id, `{"state": "revoked", "reason": "Enough."}`); code != 200 || has() {
		t.Error(code, text)
	}
	if got := b.want(200, "/account/keys/"+id, nil); !strings.Contains(got, "Enough.") {
		t.Error(got)
	}
}

// TestHostile holds that nobody gets anything by what is sent.
func TestHostile(t *testing.T) {
	p := serve(t, store.NewMemory(), noSignIn)
	b := p.browser()
	// Texts of definitions and of consumers are text.
	b.want(200, "/account/request/pets/v1", ada)
	id := p.requests()[0].ID
	if code, _ := p.decide(id, `{"state": "denied", "reason": "<script>alert(2)</script>"}`); code != 200 {
		t.Error(code)
	}
	for _, path := range []string{"/", "/apis/pets/v1", "/apis/pets/v1/openapi.json", "/account/request/pets/v1", "/account/keys", "/account/keys/" + id} {
		answer, text := b.ask(path, nil)
		if answer.StatusCode != 200 || strings.Contains(text, "<script>") || strings.Contains(text, "<b>") || strings.Contains(text, "<i>") {
			t.Errorf("%s: %d %s", path, answer.StatusCode, text)
		}
		policy := answer.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s", path, policy)
		}
		if strings.Contains(text, " style=") || strings.Contains(text, " onclick=") {
			t.Errorf("%s has what the policy forbids: %s", path, text)
		}
	}
	// The page of an API may call the API, and no other site.
	for path, want := range map[string]string{"/apis/pets/v1": "connect-src 'self';", "/apis/pets/v2": "connect-src 'self' https://other.example.com;"} {
		if answer, _ := b.ask(path, nil); !strings.Contains(answer.Header.Get("Content-Security-Policy"), want) {
			t.Errorf("%s: %s", path, answer.Header.Get("Content-Security-Policy"))
		}
	}
	// Forms of other sites are not taken, whatever cookies come with them.
	revoke := "/account/keys/" + id + "/revoke"
	b.want(403, revoke, url.Values{}, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com")
	b.want(403, revoke, url.Values{}, "Sec-Fetch-Site", "", "Origin", "https://evil.example.com")
	b.want(409, revoke, url.Values{}, "Sec-Fetch-Site", "")
	// What is not for people to read is not taken in.
	for name, form := range map[string]url.Values{
		"no name":            {"email": {"a@example.com"}},
		"control characters": {"name": {"Ada\x1b[31m"}, "email": {"a@example.com"}},
		"turned around":      {"name": {"Ada\u202e"}, "email": {"a@example.com"}},
		"a long name":        {"name": {strings.Repeat("a", 101)}, "email": {"a@example.com"}},
		"no address":         {"name": {"Ada"}, "email": {"Ada <a@example.com>"}},
		"a long purpose":     {"name": {"Ada"}, "email": {"a@example.com"}, "purpose": {strings.Repeat("a", 1001)}},
	} {
		if answer, text := p.browser().ask("/account/request/pets/v1", form); answer.StatusCode != 422 || !strings.Contains(text, `aria-invalid="true"`) {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
	}
	b.want(400, "/account/request/pets/v1", url.Values{"name": {strings.Repeat("a", maxFormBytes)}})
	for _, path := range []string{"/apis/pets/v3", "/apis/pets%2Fv1/v1", "/account/keys/..%2F..%2Fcookiekey", "/account/keys/" + strings.Repeat("a", 2000), "/assets/../portal.css", "/account/request/pets/v2", "/account/sign-in/start"} {
		if answer, _ := b.ask(path, nil); answer.StatusCode != 404 && answer.StatusCode/100 != 3 {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	for name, body := range map[string]string{"another state": `{"state": "pending"}`, "no JSON": `state=approved`, "lines": `{"state": "denied", "reason": "a\nb"}`} {
		if code, _ := p.decide(id, body); code != 400 {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code, _ := p.decide("nothing", `{"state": "denied"}`); code != 404 {
		t.Error(code)
	}
	// A cookie of another portal, or one that was changed, is none.
	for _, value := range []string{"", "x", strings.Repeat("A", 300)} {
		if answer, _ := p.browser().ask("/account/keys", nil, "Cookie", "__Secure-gatehouse-developers-session="+value); answer.StatusCode != 303 {
			t.Errorf("the cookie %q: %d", value, answer.StatusCode)
		}
	}
}

// TestBounds holds that what is kept stays small, whoever asks how often.
func TestBounds(t *testing.T) {
	p := serve(t, store.NewMemory(), noSignIn)
	taken := 0
	for range 20 {
		if answer, _ := p.browser().ask("/account/request/pets/v1", ada); answer.StatusCode == 200 {
			taken++
		} else if answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" {
			t.Fatal(answer.StatusCode)
		}
	}
	if taken != 5 {
		t.Errorf("%d requests of one address were taken, want 5", taken)
	}
	// Nor can secrets be guessed fast, from one address or from many.
	guess := url.Values{"secret": {strings.Repeat("A", 43)}}
	tried, everywhere, began := 0, 0, time.Now()
	for i := range 300 {
		thief := p.browser()
		if i >= 30 {
			thief.address = fmt.Sprint("198.51.100.", i%250)
		}
		switch answer, _ := thief.ask("/account/sign-in", guess); {
		case answer.StatusCode == 403 && i < 30:
			tried++
		case answer.StatusCode == 403:
			everywhere++
		case answer.StatusCode != 429:
			t.Fatal(answer.StatusCode)
		}
	}
	took := int(time.Since(began)/time.Second) + 1
	if tried < 10 || tried > 10+took/6+1 || tried+everywhere > 100+10*took {
		t.Errorf("%d secrets were tried from one address, and %d from others", tried, everywhere)
	}
	other := p.browser()
	other.address = "192.0.2.2"
	other.want(200, "/account/request/pets/v1", ada)

	b := p.server.book
	add := func(owner, stage string) error {
		_, err := b.add(t.Context(), Request{Portal: "developers", API: "pets", Stage: stage, Owner: owner})
		return err
	}
	for i := range maxOpenOfOwner {
		if err := add("one", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := add("one", "another"); err != errTooManyOfOwner {
		t.Error(err)
	}
	for i := len(p.requests()); i < maxPending; i++ {
		if err := add(fmt.Sprint("owner ", i), "v1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := add("last", "v1"); err != errTooManyPending {
		t.Error(err)
	}
	// What was denied is forgotten after a while.
	for _, r := range p.requests() {
		if code, text := p.decide(r.ID, `{"state": "denied"}`); code != 200 {
			t.Fatal(code, text)
		}
	}
	b.now = func() time.Time { return time.Now().Add(closedIsKept + time.Hour) }
	if err := add("last", "v1"); err != nil {
		t.Fatal(err)
	}
	if left := len(p.requests()); left != 1 {
		t.Errorf("%d requests are kept", left)
	}
}

// TestSender holds that nobody is counted for another one.
func TestSender(t *testing.T) {
	for forwarded, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "198.51.100.1, 192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8::1": "2001:db8::/64", "nonsense": "invalid Prefix", "": "10.0.0.1/32",
	} {
		r := &http.Request{RemoteAddr: "10.0.0.1:5000", Header: http.Header{}}
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		if got := sender(r).String(); got != want {
			t.Errorf("%s: %s, want %s", forwarded, got, want)
		}
	}
}
