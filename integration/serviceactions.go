package integration

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/amazon"
)

// serviceAction is what a subtype stands for.
type serviceAction struct {
	service            string
	required, optional []string
	// call makes the service's request of the parameters, which are not empty. What is wrong
	// with them is the client's mistake.
	call func(map[string]string) (serviceCall, error)
}

// serviceCall is a request to a service.
type serviceCall struct {
	method string
	to     target
	// contentType and target are headers.
	contentType, target string
	body                []byte
}

func (a *serviceAction) has(name string) bool {
	return slices.Contains(a.required, name) || slices.Contains(a.optional, name)
}

// hint lists the parameters.
func (a *serviceAction) hint() string {
	return "it needs " + strings.Join(a.required, ", ") + ", and may have " + strings.Join(append(slices.Clone(a.optional), regionParameter), ", ")
}

// serviceActions are all subtypes.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
var serviceActions = map[string]*serviceAction{
	"EventBridge-PutEvents": {
		"events", []string{"Detail", "DetailType", "Source"}, []string{"Time", "EventBusName", "Resources", "TraceHeader"}, putEvents,
	},
	"SQS-SendMessage": {
		"sqs", []string{"QueueUrl", "MessageBody"},
		[]string{"DelaySeconds", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "MessageSystemAttributes"}, queueAction("SendMessage"),
	},
	"SQS-ReceiveMessage": {
		"sqs", []string{"QueueUrl"},
		[]string{"AttributeNames", "MaxNumberOfMessages", "MessageAttributeNames", "ReceiveRequestAttemptId", "VisibilityTimeout", "WaitTimeSeconds"}, queueAction("ReceiveMessage"),
	},
	"SQS-DeleteMessage": {"sqs", []string{"ReceiptHandle", "QueueUrl"}, nil, queueAction("DeleteMessage")},
	"SQS-PurgeQueue":    {"sqs", []string{"QueueUrl"}, nil, queueAction("PurgeQueue")},
	"AppConfig-GetConfiguration": {
		"appconfig", []string{"Application", "Environment", "Configuration", "ClientId"}, []string{"ClientConfigurationVersion"}, getConfiguration,
	},
	"Kinesis-PutRecord": {
		"kinesis", []string{"StreamName", "Data", "PartitionKey"}, []string{"SequenceNumberForOrdering", "ExplicitHashKey"},
		jsonAction("Kinesis_20131202.PutRecord", "1.1", nil),
	},
	"StepFunctions-StartExecution": {
		"states", []string{"StateMachineArn"}, []string{"Name", "Input"},
		jsonAction("AWSStepFunctions.StartExecution", "1.0", lowerFirst),
	},
	"StepFunctions-StartSyncExecution": {
		"sync-states", []string{"StateMachineArn"}, []string{"Name", "Input", "TraceHeader"},
		jsonAction("AWSStepFunctions.StartSyncExecution", "1.0", lowerFirst),
	},
	"StepFunctions-StopExecution": {
		"states", []string{"ExecutionArn"}, []string{"Cause", "Error"},
		jsonAction("AWSStepFunctions.StopExecution", "1.0", lowerFirst),
	},
}

func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// jsonCall is a call of an action by JSON.
func jsonCall(action, version string, parameters any) (serviceCall, error) {
	body, err := json.Marshal(parameters)
	if err != nil {
		return serviceCall{}, errors.New("the parameters cannot be written as JSON")
	}
	return serviceCall{method: "POST", to: target{path: "/"}, contentType: "application/x-amz-json-" + version, target: action, body: body}, nil
}

// jsonAction passes parameters on as texts, under names that are made of theirs.
func jsonAction(action, version string, rename func(string) string) func(map[string]string) (serviceCall, error) {
	return func(values map[string]string) (serviceCall, error) {
		parameters := make(map[string]string, len(values))
		for name, value := range values {
			if rename != nil {
				name = rename(name)
			}
			parameters[name] = value
		}
		return jsonCall(action, version, parameters)
	}
}

// putEvents puts one event.
// See https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
func putEvents(values map[string]string) (serviceCall, error) {
	entry := map[string]any{}
	for name, value := range values {
		switch name {
		case "Time":
			seconds, err := eventTime(value)
			if err != nil {
				return serviceCall{}, err
			}
			entry[name] = seconds
		case "Resources":
			entry[name] = listOf(value)
		default:
			entry[name] = value
		}
	}
	return jsonCall("AWSEvents.PutEvents", "1.1", map[string]any{"Entries": []any{entry}})
}

// milliseconds is from where on a time is in those, as $context.requestTimeEpoch is: in
// seconds it would be in the year 5138.
const milliseconds = 1e11

// eventTime reads a time: RFC 3339, or seconds or milliseconds since 1970.
func eventTime(text string) (json.Number, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if !(n >= 0 && n < 1e15) {
			return "", errors.New("the parameter Time is out of range")
		}
		if n >= milliseconds {
			n /= 1000
		}
		return json.Number(strconv.FormatFloat(n, 'f', -1, 64)), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Unix() < 0 {
		return "", errors.New("the parameter Time is no time")
	}
	return json.Number(strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', -1, 64)), nil
}

// listOf reads a list: of JSON, or parted by commas.
func listOf(text string) []string {
	var list []string
	if json.Unmarshal([]byte(text), &list) == nil {
		return list
	}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// getConfiguration asks for a configuration.
// See https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_GetConfiguration.html
func getConfiguration(values map[string]string) (serviceCall, error) {
	to := target{path: "/applications/" + amazon.Encode(values["Application"]) + "/environments/" + amazon.Encode(values["Environment"]) + "/configurations/" + amazon.Encode(values["Configuration"])}
	if amazon.HasDots(to.path) {
		return serviceCall{}, errors.New("the path of the configuration would have . or .. in it")
	}
	to.query = "client_id=" + amazon.Encode(values["ClientId"])
	if version := values["ClientConfigurationVersion"]; version != "" {
		to.query += "&client_configuration_version=" + amazon.Encode(version)
	}
	return serviceCall{method: "GET", to: to}, nil
}

// queueAction calls an action of SQS in the form of its Query API, whose answers, XML, are
// what clients of Amazon's gateway see.
// See https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests.html
func queueAction(action string) func(map[string]string) (serviceCall, error) {
	return func(values map[string]string) (serviceCall, error) {
		queue, err := url.Parse(values["QueueUrl"])
		if err != nil || queue.Scheme != "https" && queue.Scheme != "http" || strings.Trim(queue.Path, "/") == "" || amazon.HasDots(queue.Path) {
			return serviceCall{}, errors.New("the parameter QueueUrl is not the URL of a queue")
		}
		form := url.Values{"Action": {action}, "Version": {"2012-11-05"}}
		for name, value := range values {
			switch name {
			case "MessageAttributes", "MessageSystemAttributes":
				if err := addAttributes(form, strings.TrimSuffix(name, "s"), value); err != nil {
					return serviceCall{}, fmt.Errorf("the parameter %s: %w", name, err)
				}
			case "AttributeNames", "MessageAttributeNames":
				for i, item := range listOf(value) {
					form.Set(strings.TrimSuffix(name, "s")+"."+strconv.Itoa(i+1), item)
				}
			default:
				form.Set(name, value)
			}
		}
		// The host is the endpoint's: a client that may name the queue cannot choose it.
		return serviceCall{
			method: "POST", to: target{path: amazon.EncodePath(queue.Path)}, contentType: "application/x-www-form-urlencoded", body: []byte(form.Encode()),
		}, nil
	}
}

// maxAttributes is SQS's bound on those of a message.
const maxAttributes = 10

// addAttributes reads attributes that are written as in the API:
// {"name": {"DataType": "String", "StringValue": "text"}}.
func addAttributes(form url.Values, prefix, text string) error {
	var attributes map[string]struct{ DataType, StringValue, BinaryValue string }
	if json.Unmarshal([]byte(text), &attributes) != nil || len(attributes) > maxAttributes {
		return errors.New(`it has to be JSON such as {"name": {"DataType": "String", "StringValue": "text"}}, of ten attributes at most`)
	}
	for i, name := range sortedKeys(attributes) {
		a, at := attributes[name], prefix+"."+strconv.Itoa(i+1)
		form.Set(at+".Name", name)
		form.Set(at+".Value.DataType", a.DataType)
		if a.StringValue != "" {
			form.Set(at+".Value.StringValue", a.StringValue)
		}
		if a.BinaryValue != "" {
			if _, err := base64.StdEncoding.DecodeString(a.BinaryValue); err != nil {
				return errors.New("a BinaryValue is not base64")
			}
			form.Set(at+".Value.BinaryValue", a.BinaryValue)
		}
	}
	return nil
}
