package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gatehouse/portal"
)

func newPortal() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "portal",
		GroupID: groupWork,
		Short:   "Decide on requests for API keys",
		Long: "Portal shows what consumers have asked for at the portals of a running server, and\n" +
			"tells the server what becomes of it. A request that is approved gets an API key,\n" +
			"which its consumer then sees once.",
		Example: "  gatehouse portal requests\n" +
			"  gatehouse portal approve x7k2m9q4pa\n" +
			"  gatehouse portal deny x7k2m9q4pa --reason 'Ask from your work address.'\n" +
			"  gatehouse portal revoke x7k2m9q4pa",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPortalRequests(), newPortalDecision("approve", "Make the API key that was asked for", portal.Approved),
		newPortalDecision("deny", "Refuse a request", portal.Denied), newPortalDecision("revoke", "Take an API key away", portal.Revoked))
	return cmd
}

func portalServerFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("server", "http://127.0.0.1:8001", "the server's --http-address, as a URL")
}

func newPortalRequests() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "requests",
		Short:   "List what consumers have asked for",
		Example: "  gatehouse portal requests\n  gatehouse portal requests --state all -o json",
		Args:    args(cobra.NoArgs),
	}
	server := portalServerFlag(cmd)
	name := cmd.Flags().String("portal", "", "portal, by name (default all)")
	state := choiceFlag(cmd, "state", "", "which requests", "pending", "approved", "denied", "revoked", "all")
	output := choiceFlag(cmd, "output", "o", "output format", "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		query := url.Values{}
		if *name != "" {
			query.Set("portal", *name)
		}
		if state.value != "all" {
			query.Set("state", state.value)
		}
		requests := []portal.Request{}
		if err := askPortal(cmd, *server, http.MethodGet, "", query, nil, &requests); err != nil {
			return err
		}
		if output.value == "json" {
			return writeJSON(cmd.OutOrStdout(), requests)
		}
		return requestsTable(cmd.OutOrStdout(), requests)
	}
	return cmd
}

// requestsTable writes requests for people. What consumers wrote must not move the cursor.
func requestsTable(w io.Writer, requests []portal.Request) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "REQUEST\tPORTAL\tSTAGE\tPLAN\tSTATE\tASKED\tNAME\tE-MAIL\tPURPOSE")
	for i := range requests {
		r := &requests[i]
		email := r.Email
		if r.EmailVerified {
			email += " (verified)"
		}
		cells := []string{r.ID, r.Portal, r.API + "/" + r.Stage, r.Plan, string(r.State), r.Created.Format("2006-01-02 15:04"), r.Name, email, r.Purpose}
		for j := range cells {
			cells[j] = printable(cells[j])
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

func newPortalDecision(verb, short string, to portal.State) *cobra.Command {
	cmd := &cobra.Command{
		Use:     verb + " REQUEST",
		Short:   short,
		Example: "  gatehouse portal " + verb + " x7k2m9q4pa",
		Args: func(_ *cobra.Command, ids []string) error {
			if len(ids) != 1 {
				return usagef("name one request, as 'gatehouse portal requests' lists it")
			}
			return nil
		},
	}
	server := portalServerFlag(cmd)
	reason := ""
	if to != portal.Approved {
		cmd.Flags().StringVar(&reason, "reason", "", "what the consumer is told")
	}
	cmd.RunE = func(cmd *cobra.Command, ids []string) error {
		var r portal.Request
		if err := askPortal(cmd, *server, http.MethodPut, ids[0], nil, portal.Decision{State: to, Reason: reason}, &r); err != nil {
			return err
		}
		note := ""
		if r.KeyID != "" && to == portal.Approved {
			note = fmt.Sprintf(": the API key %s of the usage plan %s", printable(r.KeyID), printable(r.Plan))
		}
		_, err := fmt.Fprintf(cmd.ErrOrStderr(), "%s is %s%s\n", printable(r.ID), printable(string(r.State)), note)
		return err
	}
	return cmd
}

// askPortal asks a server about requests, or about the one with an id.
func askPortal(cmd *cobra.Command, server, method, id string, query url.Values, question, answer any) error {
	u, err := serverFlagURL(server)
	if err != nil {
		return err
	}
	call := serverCall{
		server: server, url: u.JoinPath(portalRequests, url.PathEscape(id)), method: method, timeout: usageTimeout, most: maxUsageBytes,
		absent: "has no portals: it is not a gatehouse server, has not the role portal, or its --http-address can be reached from other machines",
	}
	call.url.RawQuery = query.Encode()
	if question != nil {
		if call.body, err = json.Marshal(question); err != nil {
			return err
		}
	}
	text, err := call.ask(cmd.Context())
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s did not answer as a gatehouse server does: %w", server, err)
	}
	return nil
}
