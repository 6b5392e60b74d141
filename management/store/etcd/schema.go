package etcd

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// schemaVersion is that of the form that everything is kept in. A form that this version
// cannot read gets another number.
const schemaVersion = "1"

// SchemaError says that a newer version of gatehouse has written the store.
type SchemaError struct{ Found string }

func (e *SchemaError) Error() string {
	return fmt.Sprintf("the management store was written by a newer version of gatehouse (its schema is %q, this version knows %s): use that version, or another store",
		e.Found, schemaVersion)
}

// claim writes the version into an empty store, or checks the one that is there.
func claim(ctx context.Context, client *clientv3.Client) error {
	key := prefix + schemaKey
	answer, err := client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, schemaVersion)).
		Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return told(err)
	}
	if answer.Succeeded {
		return nil
	}
	return checkSchema(answer.Responses[0].GetResponseRange().Kvs[0].Value)
}

func checkSchema(found []byte) error {
	if string(found) != schemaVersion {
		return &SchemaError{string(found)}
	}
	return nil
}
