package lambda_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/lambda"
)

// assumed is what STS answers, with credentials that are good for so long.
func assumed(good time.Duration) string {
	return fmt.Sprintf(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
		<AssumedRoleUser><AssumedRoleId>AROA:gatehouse</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/auth/gatehouse</Arn></AssumedRoleUser>
		<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>role-session</SessionToken><Expiration>%s</Expiration></Credentials>
		</AssumeRoleResult></AssumeRoleResponse>`, time.Now().Add(good).UTC().Format(time.RFC3339))
}

// A function is called as the role that STS gives the credentials of; they are asked for
// once while they last.
func TestRole(t *testing.T) {
	without(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDOWN")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	good := time.Hour
	var asked atomic.Int64
	var form, asker string
	t.Setenv("AWS_ENDPOINT_URL_STS", serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		r.ParseForm()
		form, asker = r.Form.Encode(), r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, assumed(good))
	}))
	var signer, session string
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", serve(t, func(w http.ResponseWriter, r *http.Request) {
		signer, session = r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token")
		fmt.Fprint(w, `"done"`)
	}))
	target := lambda.Target{Name: "auth", ARN: arn, Region: "eu-west-1", Role: "arn:aws:iam::111122223333:role/path/auth"}
	client := lambda.New(lambda.Options{})
	call := func(target lambda.Target) {
		t.Helper()
		if result, err := client.Invoke(t.Context(), target, []byte(`{}`)); err != nil || string(result) != `"done"` {
			t.Fatalf("%s %v", result, err)
		}
	}
	for range 3 {
		call(target)
	}
	if !strings.Contains(signer, "Credential=ASIAROLE/") || session != "role-session" {
		t.Errorf("called as %s, with %q", signer, session)
	}
	if asked.Load() != 1 || !strings.Contains(asker, "Credential=AKIDOWN/") || !strings.Contains(asker, "/eu-west-1/sts/") {
		t.Errorf("STS was asked %d times, by %s", asked.Load(), asker)
	}
	for _, part := range []string{"Action=AssumeRole", "DurationSeconds=900", "RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fpath%2Fauth", "RoleSessionName=gatehouse"} {
		if !strings.Contains(form, part) {
			t.Errorf("STS was asked %s, without %s", form, part)
		}
	}
	// Gatehouse's own credentials are still its own.
	own := target
	own.Role = ""
	call(own)
	if !strings.Contains(signer, "Credential=AKIDOWN/") || session != "" {
		t.Errorf("without a role called as %s, with %q", signer, session)
	}
	// Credentials that are about to end are asked for anew.
	good = 30 * time.Second
	other := target
	other.Role += "2"
	call(other)
	call(other)
	if asked.Load() != 3 {
		t.Errorf("STS was asked %d times in all", asked.Load())
	}
}

// Who is not given the role does not call the function.
func TestRoleRefused(t *testing.T) {
	without(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDOWN")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hidden")
	t.Setenv("AWS_ENDPOINT_URL_STS", serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
	}))
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the function was called") }))
	_, err := lambda.New(lambda.Options{}).Invoke(t.Context(), lambda.Target{Name: "auth", ARN: arn, Region: "eu-west-1", Role: "arn:aws:iam::111122223333:role/auth"}, nil)
	if err == nil || !strings.Contains(err.Error(), "sts:AssumeRole") || strings.Contains(err.Error(), "hidden") {
		t.Error(err)
	}
}
