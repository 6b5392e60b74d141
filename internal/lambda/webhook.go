package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// post calls a webhook. What it answers is the result, unless it is not 2xx or looks
// like the report of a failure that a Lambda runtime makes.
func (c *Client) post(ctx context.Context, t Target, event []byte) ([]byte, error) {
	response, err := c.send(ctx, t, event, "")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	result, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading what %s answered: %w", t, err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		failed := functionError(result)
		if failed.Type == "" {
			failed.Type = fmt.Sprintf("status %d", response.StatusCode)
		}
		return nil, failed
	}
	var f failure
	if json.Unmarshal(result, &f) == nil && f.Message != nil {
		return nil, functionError(result)
	}
	return result, nil
}

// hand gives a webhook an event that nobody waits for.
func (c *Client) hand(ctx context.Context, t Target, event []byte) error {
	response, err := c.send(ctx, t, event, string(types.InvocationTypeEvent))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return &RefusedError{Status: response.StatusCode}
	}
	return nil
}

func (c *Client) send(ctx context.Context, t Target, event []byte, how string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(event))
	if err != nil {
		return nil, errors.New("the URL of the function is not valid")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "gatehouse")
	if how != "" {
		request.Header.Set("X-Amz-Invocation-Type", how)
	}
	if t.Secret != "" {
		request.Header.Set("Authorization", "Bearer "+t.Secret.Reveal())
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("calling %s: %w", t, withoutURL(err))
	}
	return response, nil
}

// withoutURL keeps what may be secret in a URL out of errors.
func withoutURL(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
