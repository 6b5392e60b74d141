package iampolicy

import (
	"regexp"
	"slices"
	"strings"
)

// principals says who a statement is about.
type principals struct {
	// stated is false for the kinds of policies that name none: they are about
	// whoever they are asked about.
	stated   bool
	not      bool
	everyone bool
	// accounts by number, arns of users, roles and sessions.
	accounts  []string
	arns      []string
	services  []string
	federated []string
}

var (
	accountSyntax = regexp.MustCompile(`^[0-9]{12}$`)
	// principalSyntax has the account in its first and what is in it in its second group.
	principalSyntax = regexp.MustCompile(`^arn:aws[a-z-]*:(?:iam|sts)::([0-9]{12}):` +
		`(root|user/[^*?]+|role/[^*?]+|assumed-role/[^/*?]+/[^/*?]+|federated-user/[^*?]+)$`)
	serviceSyntax = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)
	federatedName = regexp.MustCompile(`^[^*?\s]+$`)
)

const principalHint = `write "*", or {"AWS": …} with an account, or the ARN of a user, role or session`

func (p *parser) principals(at Path, m *member) principals {
	who := principals{stated: true, not: m.name == "NotPrincipal"}
	switch {
	case p.options.Kind != ResourcePolicy:
		p.problem(at, m.offset, "leave it out", "only the policies of resources name principals")
		return who
	case m.value.kind != objectNode:
		p.awsPrincipals(&who, at, &m.value)
	default:
		if len(m.value.members) == 0 {
			p.problem(at, m.value.offset, principalHint, "no principal is named")
		}
		for i := range m.value.members {
			entry := &m.value.members[i]
			p.principalEntry(&who, at.key(entry.name), entry)
		}
	}
	if who.not && who.everyone {
		p.problem(at, m.value.offset, "", "a statement that is not about everyone is about no one")
	}
	return who
}

func (p *parser) principalEntry(who *principals, at Path, entry *member) {
	switch entry.name {
	case "AWS":
		p.awsPrincipals(who, at, &entry.value)
	case "*":
		for _, v := range p.texts(at, &entry.value, "a principal", textNode) {
			if v.text != "*" {
				p.problem(v.at, v.offset, principalHint, "%q is not a principal", v.text)
			}
			who.everyone = true
		}
	case "Service":
		for _, v := range p.texts(at, &entry.value, "a principal", textNode) {
			if !serviceSyntax.MatchString(v.text) {
				p.problem(v.at, v.offset, "", "%q is not a service such as events.amazonaws.com", v.text)
			}
			who.services = append(who.services, v.text)
		}
	case "Federated":
		for _, v := range p.texts(at, &entry.value, "a principal", textNode) {
			if !federatedName.MatchString(v.text) {
				p.problem(v.at, v.offset, "", "%q is not an identity provider", v.text)
			}
			who.federated = append(who.federated, v.text)
		}
	default:
		p.unknown(at, entry, []string{"AWS", "Service", "Federated"})
	}
}

// awsPrincipals reads what may stand under AWS. Wildcards cannot stand for a part of
// a name, as in IAM.
func (p *parser) awsPrincipals(who *principals, at Path, value *node) {
	for _, v := range p.texts(at, value, "a principal", textNode) {
		parts := principalSyntax.FindStringSubmatch(v.text)
		switch {
		case v.text == "*":
			who.everyone = true
		case accountSyntax.MatchString(v.text):
			who.accounts = append(who.accounts, v.text)
		case parts == nil:
			p.problem(v.at, v.offset, principalHint, "%q is not a principal", v.text)
		case parts[2] == "root":
			// The ARN of the root user stands for the account.
			who.accounts = append(who.accounts, parts[1])
		default:
			who.arns = append(who.arns, v.text)
		}
	}
}

// match reports whether the statement is about the caller, and whether only because
// it is about the caller's account: that hands the decision to the account's own
// policies, it does not make it.
func (w *principals) match(c *Caller) (matched, delegated bool) {
	if w.not {
		return !w.exempts(c), false
	}
	switch {
	case !w.stated, w.everyone,
		c.ARN != "" && slices.Contains(w.arns, c.ARN),
		c.Service != "" && slices.Contains(w.services, c.Service),
		c.Federated != "" && slices.Contains(w.federated, c.Federated):
		return true, false
	}
	if slices.ContainsFunc(w.arns, c.isSessionOf) {
		return true, false
	}
	account := c.account()
	if account == "" || !slices.Contains(w.accounts, account) {
		return false, false
	}
	return true, !c.isRoot()
}

// exempts reports whether NotPrincipal names the caller. It has to name the user or
// the session itself: naming its account or role, which IAM wants as well, does not
// exempt everyone in them.
func (w *principals) exempts(c *Caller) bool {
	return c.ARN != "" && slices.Contains(w.arns, c.ARN) ||
		c.isRoot() && slices.Contains(w.accounts, c.account()) ||
		c.Service != "" && slices.Contains(w.services, c.Service) ||
		c.Federated != "" && slices.Contains(w.federated, c.Federated)
}

func (c *Caller) isRoot() bool { return strings.HasSuffix(c.ARN, ":root") }

// account is the caller's account, "" for the anonymous.
func (c *Caller) account() string {
	if c.Account != "" {
		return c.Account
	}
	parts, _ := splitARN(c.ARN)
	return parts[accountPart]
}

// isSessionOf reports whether the caller acts in the role of the ARN.
func (c *Caller) isSessionOf(role string) bool {
	if c.RoleARN != "" {
		return c.RoleARN == role
	}
	// The ARN of a session has the name of the role but not its path, so only roles
	// without one can be told from it.
	session, ok := splitARN(c.ARN)
	if !ok || session[servicePart] != "sts" {
		return false
	}
	name, ok := strings.CutPrefix(session[resourcePart], "assumed-role/")
	if !ok {
		return false
	}
	name, _, _ = strings.Cut(name, "/")
	parts, _ := splitARN(role)
	of, ok := strings.CutPrefix(parts[resourcePart], "role/")
	return ok && of == name && parts[servicePart] == "iam" &&
		parts[partitionPart] == session[partitionPart] && parts[accountPart] == session[accountPart]
}
