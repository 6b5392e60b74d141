package portal

import (
	"errors"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/sessions"
	"gatehouse/management/store"
)

// requestForm is the form in which a key is asked for.
type requestForm struct {
	API *published
	// SignIn: the consumer has to sign in first.
	SignIn                     bool
	Name, Email, Purpose       string
	NameWrong, EmailWrong, Why string
}

// keyed gives the API that a key is asked for, and who asks: nil for nobody who is known.
func (s *Server) keyed(r *http.Request, c *site) (*published, *session, error) {
	p, err := c.named(r)
	if err == nil && !p.Keys() {
		err = errNoPage
	}
	if err != nil {
		return nil, nil, err
	}
	who, err := s.session(r, c)
	return p, who, err
}

func (s *Server) askForKey(w http.ResponseWriter, r *http.Request, c *site) error {
	p, who, err := s.keyed(r, c)
	if err != nil {
		return err
	}
	form := requestForm{API: p, SignIn: c.SignIn != nil && who == nil}
	if who != nil {
		form.Name, form.Email = who.Name, who.Email
	}
	return s.render(w, c, http.StatusOK, "request", "A key for "+p.Title, who, true, form)
}

// takeRequest takes a request for a key in.
func (s *Server) takeRequest(w http.ResponseWriter, r *http.Request, c *site) error {
	p, who, err := s.keyed(r, c)
	if err != nil {
		return err
	}
	if c.SignIn != nil && who == nil {
		return &refusal{http.StatusForbidden, "Your session is over. Please sign in, and ask again."}
	}
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	form, ok := readForm(r, p, who, c.SignIn != nil)
	if !ok {
		return s.render(w, c, http.StatusUnprocessableEntity, "request", "A key for "+p.Title, who, true, form)
	}
	if !s.limits.requests.allow(r) {
		return errTooOften
	}
	secret := ""
	if who == nil {
		secret = sessions.Token()
		who = &session{Owner: ownerOf("secret", secret), Name: form.Name, Email: form.Email}
	}
	taken, err := s.book.add(r.Context(), Request{
		Portal: c.Name, API: p.API, Stage: p.Stage, Plan: p.Plan, Owner: who.Owner,
		Name: form.Name, Email: form.Email, EmailVerified: who.Verified, Purpose: form.Purpose,
	})
	switch {
	case errors.Is(err, errTwice):
		return &refusal{http.StatusConflict, "You have asked for a key of this API already."}
	case errors.Is(err, errTooManyOfOwner):
		return &refusal{http.StatusConflict, "You have asked for as many keys as one may have. Revoke one that you do not need."}
	case errors.Is(err, errTooManyPending):
		s.options.Log.Warn("a portal takes no more requests: too many wait for a decision", "portal", c.Name)
		return &refusal{http.StatusServiceUnavailable, "Too many requests wait for an answer. Please try again another day."}
	case err != nil:
		return err
	}
	s.options.Log.Info("a key was asked for", "portal", c.Name, "request", taken.ID, "stage", p.Name(), "plan", p.Plan)
	if s.options.Asked != nil {
		s.options.Asked(*taken)
	}
	if secret == "" {
		http.Redirect(w, r, c.base+"/account/keys/"+taken.ID, http.StatusSeeOther)
		return nil
	}
	if err := s.begin(w, r, c, *who); err != nil {
		return err
	}
	// The secret is behind the #, which browsers send to nobody: no log has it.
	return s.render(w, c, http.StatusOK, "sent", "Keep this link", who, true, struct{ Link, Secret, ID string }{c.URL + "/account/sign-in#" + secret, secret, taken.ID})
}

// readForm reads the form, or says what is wrong with it.
func readForm(r *http.Request, p *published, who *session, signedIn bool) (form requestForm, ok bool) {
	form.API = p
	var nameOK, purposeOK bool
	if signedIn {
		form.Name, form.Email, nameOK = who.Name, who.Email, true
	} else {
		form.Name, nameOK = oneLine(r, "name", maxNameChars)
		email, emailOK := oneLine(r, "email", maxEmailBytes)
		address, err := mail.ParseAddress(email)
		// An address with a name in it, or a quoted one, is none that people have.
		if form.Email = email; !emailOK || err != nil || address.Address != email || strings.ContainsAny(email, "\"<>") {
			form.EmailWrong = "Write an address such as ada@example.com."
		}
		if !nameOK || form.Name == "" {
			nameOK, form.NameWrong = false, "Write your name, or that of your company."
		}
	}
	lines := strings.Fields(r.PostForm.Get("purpose"))
	form.Purpose, purposeOK = strings.Join(lines, " "), true
	for _, c := range form.Purpose {
		purposeOK = purposeOK && shown(c)
	}
	if !purposeOK || len([]rune(form.Purpose)) > maxPurposeChars {
		form.Why, purposeOK = "Write at most 1000 letters, and none that cannot be shown.", false
	}
	return form, nameOK && purposeOK && form.EmailWrong == ""
}

// signInForm is what who has a secret is asked.
type signInForm struct{ Wrong string }

// askSecret asks for the secret of a request, or offers to sign in.
func (s *Server) askSecret(w http.ResponseWriter, r *http.Request, c *site) error {
	return s.signInPage(w, r, c, http.StatusOK, "")
}

func (s *Server) signInPage(w http.ResponseWriter, r *http.Request, c *site, status int, wrong string) error {
	who, err := s.session(r, c)
	if err != nil {
		return err
	}
	return s.render(w, c, status, "sign-in", "Sign in", who, true, signInForm{wrong})
}

// signedIn is who asks; without anyone the browser goes to where one signs in.
func (s *Server) signedIn(w http.ResponseWriter, r *http.Request, c *site) (*session, error) {
	who, err := s.session(r, c)
	if err == nil && who == nil {
		http.Redirect(w, r, c.base+"/account/sign-in", http.StatusSeeOther)
	}
	return who, err
}

// ownKey is a request as its consumer sees it.
type ownKey struct {
	Request
	Title string
	// Path is that of the API's documentation, if it is still published.
	Path   string
	Limits string
	Usage  []Day
	// Most is the largest number of calls of a day; Left is nil where it is not known.
	Most    int64
	Left    *Day
	NoUsage bool
}

func (c *site) own(r Request) ownKey {
	k := ownKey{Request: r, Title: r.API + "/" + r.Stage}
	if p := c.api(r.API, r.Stage); p != nil {
		k.Title, k.Path = p.Title, p.Path()
		if p.Plan == r.Plan {
			k.Limits = p.Limits()
		}
	}
	return k
}

func (s *Server) showKeys(w http.ResponseWriter, r *http.Request, c *site) error {
	who, err := s.signedIn(w, r, c)
	if who == nil {
		return err
	}
	requests, err := s.book.of(r.Context(), c.Name, who.Owner)
	if err != nil {
		return err
	}
	keys := make([]ownKey, 0, len(requests))
	for _, request := range requests {
		keys = append(keys, c.own(request))
	}
	return s.render(w, c, http.StatusOK, "keys", "My keys", who, true, keys)
}

// usageDays is how many days consumers see.
const usageDays = 30

func (s *Server) showKey(w http.ResponseWriter, r *http.Request, c *site) error {
	who, err := s.signedIn(w, r, c)
	if who == nil {
		return err
	}
	var request *Request
	err = s.book.store.View(r.Context(), func(reader store.Reader) (err error) {
		request, err = readRequest(reader, r.PathValue("id"))
		return err
	})
	if err != nil {
		return err
	}
	if request.Owner != who.Owner || request.Portal != c.Name {
		return ErrNoRequest
	}
	k := c.own(*request)
	if k.State == Approved {
		s.addUsage(r, &k)
	}
	return s.render(w, c, http.StatusOK, "key", "A key for "+k.Title, who, true, k)
}

// addUsage adds what a key has used. That it is not known is no reason to show nothing.
func (s *Server) addUsage(r *http.Request, k *ownKey) {
	k.NoUsage = true
	if s.options.Usage == nil {
		return
	}
	today := s.now().UTC().Truncate(24 * time.Hour)
	days, found, err := s.options.Usage.Daily(r.Context(), k.Plan, k.KeyID, today.AddDate(0, 0, 1-usageDays), today)
	if err != nil {
		s.options.Log.Warn("usage can't be read", "portal", k.Portal, "error", err)
		return
	}
	if !found || len(days) == 0 {
		return
	}
	k.NoUsage, k.Usage = false, slices.Clone(days)
	last := days[len(days)-1]
	k.Left = &last
	for _, d := range days {
		k.Most = max(k.Most, d.Calls)
	}
	// What is new is looked for first.
	slices.Reverse(k.Usage)
}

// revealKey shows the value of a key, once.
func (s *Server) revealKey(w http.ResponseWriter, r *http.Request, c *site) error {
	who, err := s.signedIn(w, r, c)
	if who == nil {
		return err
	}
	value, err := s.book.reveal(r.Context(), c.Name, who.Owner, r.PathValue("id"))
	if err != nil {
		return err
	}
	s.options.Log.Info("a key was shown to its consumer", "portal", c.Name, "request", r.PathValue("id"))
	return s.render(w, c, http.StatusOK, "revealed", "Your key", who, true, struct{ Value, ID string }{value.Reveal(), r.PathValue("id")})
}

// revokeKey takes a key away, or a request back.
func (s *Server) revokeKey(w http.ResponseWriter, r *http.Request, c *site) error {
	who, err := s.signedIn(w, r, c)
	if who == nil {
		return err
	}
	request, err := s.book.change(r.Context(), c.Name, who.Owner, r.PathValue("id"), func(tx store.Tx, request *Request) error {
		if !open(request.State) {
			return &refusal{http.StatusConflict, "This key is not in use any more."}
		}
		request.DecidedBy = ""
		return s.book.revoke(tx, request)
	})
	if err != nil {
		return err
	}
	s.options.Log.Info("a consumer has revoked a key", "portal", c.Name, "request", request.ID)
	http.Redirect(w, r, c.base+"/account/keys", http.StatusSeeOther)
	return nil
}
