package amazon_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/amazon"
	"gatehouse/internal/pytools"
)

// TestCatalog holds the catalog to the models of AWS's own botocore.
func TestCatalog(t *testing.T) {
	want, err := pytools.Command(t, nil, "testdata/catalog.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("catalog.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("catalog.tsv is not what testdata/catalog.py prints:\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	for name, want := range map[string]amazon.Known{
		"dynamodb": {ID: "DynamoDB", SigningName: "dynamodb", Protocol: amazon.JSON, TargetPrefix: "DynamoDB_20120810", JSONVersion: "1.0"},
		"states":   {ID: "SFN", SigningName: "states", Protocol: amazon.JSON, TargetPrefix: "AWSStepFunctions", JSONVersion: "1.0"},
		// Its API is JSON now, and it still takes what API Gateway sends.
		"sqs":   {ID: "SQS", SigningName: "sqs", Protocol: amazon.Query, Version: "2012-11-05"},
		"email": {ID: "SES", SigningName: "ses", Protocol: amazon.Query, Version: "2010-12-01"},
		"s3":    {ID: "S3", SigningName: "s3", Protocol: amazon.REST},
	} {
		if got, ok := amazon.Find(name); !ok || got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, ok := amazon.Find("sqz"); ok {
		t.Error("sqz is known")
	}
}
