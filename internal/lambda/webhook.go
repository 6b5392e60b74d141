package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// post calls a webhook. What it answers is the result, unless it is not 2xx or looks
// like the report of a failure that a Lambda runtime makes.
func (c *Client) post(ctx context.Context, t Target, event []byte) ([]byte, error) {
	response, err := c.open(ctx, c.http, t, event)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	result, err := readAll(ctx, response)
	if err != nil {
		return nil, fmt.Errorf("reading what %s answered: %w", t, err)
	}
	var f failure
	if json.Unmarshal(result, &f) == nil && f.Message != nil {
		return nil, functionError(result)
	}
	return result, nil
}

// send posts an event, and gives whatever is answered.
func (c *Client) send(ctx context.Context, client *http.Client, t Target, event []byte, how string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(event))
	if err != nil {
		return nil, errors.New("the URL of the function is not valid")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "gatehouse")
	if how != "" {
		request.Header.Set(invocationType, how)
	}
	if t.Secret != "" {
		request.Header.Set("Authorization", "Bearer "+t.Secret.Reveal())
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("calling %s: %w", t, withoutURL(err))
	}
	tellRequestID(ctx, response)
	return response, nil
}

// open gives an answer whose status is 2xx, its body unread.
func (c *Client) open(ctx context.Context, client *http.Client, t Target, event []byte) (*http.Response, error) {
	response, err := c.send(ctx, client, t, event, "")
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 200 && response.StatusCode <= 299 {
		return response, nil
	}
	defer response.Body.Close()
	result, err := readAll(ctx, response)
	if err != nil {
		return nil, fmt.Errorf("reading what %s answered: %w", t, err)
	}
	failed := functionError(result)
	if failed.Type == "" {
		failed.Type = fmt.Sprintf("status %d", response.StatusCode)
	}
	return nil, failed
}

// withoutURL keeps what may be secret in a URL out of errors.
func withoutURL(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
