"""The backend of the chat: it knows who is there, and sends what one says to all.

Needs boto3. ROOM_PORT is where it listens, CHAT_URL where the gateway serves the stage.
"""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.config import Config

gateway = boto3.client(
    "apigatewaymanagementapi",
    endpoint_url=os.environ.get("CHAT_URL", "http://localhost:8080/_aws/execute-api/chat/v1"),
    region_name="us-east-1",
    aws_access_key_id="AKIDROOM",
    aws_secret_access_key=os.environ.get("ROOM_SECRET", "only-for-this-example"),
    config=Config(retries={"max_attempts": 3}),
)
members = {}
lock = threading.Lock()


def tell_all(message):
    with lock:
        ids = list(members)
    for connection in ids:
        try:
            gateway.post_to_connection(ConnectionId=connection, Data=json.dumps(message).encode())
        except gateway.exceptions.GoneException:
            with lock:
                members.pop(connection, None)


class Room(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = self.headers.get("X-Connection", "")
        status, answer = 200, {}
        if self.path.startswith("/connect"):
            name = self.headers.get("X-Name", "")
            if not name:
                status, answer = 403, {"message": "say who you are: ?name=…"}
            else:
                with lock:
                    members[connection] = name
        elif self.path == "/disconnect":
            with lock:
                name = members.pop(connection, None)
            if name:
                threading.Thread(target=tell_all, args=({"left": name},)).start()
        elif self.path == "/say":
            with lock:
                name = members.get(connection)
            tell_all({"from": name, "text": json.loads(body).get("text", "")})
        elif self.path == "/who":
            with lock:
                answer = {"here": sorted(members.values())}
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("ROOM_PORT", "9101"))), Room)
print("the room is open", flush=True)
server.serve_forever()
