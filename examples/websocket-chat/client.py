"""Says to the chat what is typed, and prints what it hears.

Needs websockets. The name is the argument; CHAT_WS is where the gateway serves the stage.
"""

import json
import os
import sys
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

url = os.environ.get("CHAT_WS", "ws://localhost:8080/_aws/execute-api/chat/v1")


def listen(chat):
    try:
        for message in chat:
            print(message, flush=True)
    except ConnectionClosed:
        pass


with connect(url + "?name=" + sys.argv[1]) as chat:
    threading.Thread(target=listen, args=(chat,), daemon=True).start()
    print("connected", flush=True)
    for line in sys.stdin:
        line = line.strip()
        if line == "/who":
            chat.send(json.dumps({"action": "who"}))
        elif line == "/help":
            chat.send("help")
        elif line:
            chat.send(json.dumps({"action": "say", "text": line}))
