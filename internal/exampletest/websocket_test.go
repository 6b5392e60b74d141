package exampletest

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/proctest"
	"gatehouse/internal/pytools"
)

// talker is one who is at a terminal of the chat.
type talker struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
}

// talk runs a program of the example whose lines are read.
func talk(t *testing.T, env []string, args ...string) *talker {
	t.Helper()
	args[0] = filepath.Join(proctest.Root(t), "examples/websocket-chat", args[0])
	x := &talker{t: t, cmd: pytools.Command(t, env, args...), lines: make(chan string, 100)}
	out, err := x.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if x.in, err = x.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	x.cmd.Stderr = t.Output()
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.cmd.Process.Kill(); _ = x.cmd.Wait() })
	go func() {
		defer close(x.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			x.lines <- lines.Text()
		}
	}()
	return x
}

func (x *talker) say(line string) {
	x.t.Helper()
	if _, err := io.WriteString(x.in, line+"\n"); err != nil {
		x.t.Fatal(err)
	}
}

func (x *talker) hear(want string) {
	x.t.Helper()
	select {
	case got, ok := <-x.lines:
		if !ok || got != want {
			x.t.Fatalf("heard %q, want %q", got, want)
		}
	case <-time.After(30 * time.Second):
		x.t.Fatalf("heard nothing, want %q", want)
	}
}

// TestWebSocketChat has two talk to each other by the example.
func TestWebSocketChat(t *testing.T) {
	pytools.Interpreter(t)
	ports := freePorts(t, 2)
	definitions := copyExample(t, "examples/websocket-chat", "port: 8080", "port: "+ports[0], ":9101", ":"+ports[1])
	base := "localhost:" + ports[0] + "/_aws/execute-api/chat/v1"
	room := talk(t, []string{"ROOM_PORT=" + ports[1], "CHAT_URL=http://" + base}, "room.py")
	room.hear("the room is open")
	runGatehouse(t, definitions).AwaitOutput("listening", ports[0])

	chat := []string{"CHAT_WS=ws://" + base}
	ann := talk(t, chat, "client.py", "ann")
	ann.hear("connected")
	bob := talk(t, chat, "client.py", "bob")
	bob.hear("connected")
	ann.say("hello, all")
	for _, x := range []*talker{ann, bob} {
		x.hear(`{"from": "ann", "text": "hello, all"}`)
	}
	bob.say("/who")
	bob.hear(`{"here": ["ann", "bob"]}`)
	bob.say("/help")
	bob.hear(`{"usage": "{action: say, text: …} or {action: who}"}`)
	if err := ann.in.Close(); err != nil {
		t.Fatal(err)
	}
	bob.hear(`{"left": "ann"}`)
	nobody := talk(t, chat, "client.py", "")
	if err := nobody.cmd.Wait(); err == nil {
		t.Error("somebody without a name got in")
	}
}
