"""Python's own HTTP clients against the gateway. Each function is a test: it is given the origin and the path of the app, and says
what is wrong by an exception. Run by clients-python.test.ts."""

import http.client
import http.cookiejar
import json
import socket
import sys
import urllib.error
import urllib.request

KEY = {"X-API-Key": "test-key-SecretMark7-0123456789"}


def connect(host):
    return http.client.HTTPConnection(host, timeout=20)


def keeps_a_connection_for_several_requests(host, app):
    connection = connect(host)
    for number in range(3):
        connection.request("GET", f"{app}/describe?n={number}", headers=KEY)
        answer = connection.getresponse()
        assert answer.status == 200 and answer.version == 11
        assert json.load(answer)["target"] == f"/describe?n={number}"
        if number == 0:
            first = connection.sock
        assert connection.sock is first


def uploads_by_length_and_in_chunks(host, app):
    connection = connect(host)
    connection.request("PUT", f"{app}/describe", body=b"x" * 1_000_000, headers=KEY)
    told = json.load(connection.getresponse())
    assert (told["bytes"], told["length"], told["coding"]) == (1_000_000, "1000000", None), told
    pieces = (b"x" * 1000 for _ in range(1000))
    connection.request("PUT", f"{app}/describe", body=pieces, headers=KEY, encode_chunked=True)
    told = json.load(connection.getresponse())
    assert (told["bytes"], told["length"], told["coding"]) == (1_000_000, None, "chunked"), told


def reads_a_stream_as_it_comes(host, app):
    connection = connect(host)
    connection.request("GET", f"{app}/steps", headers=KEY)
    answer = connection.getresponse()
    for step in ("1", "2", "3"):
        assert answer.read1(100) == step.encode()
        # The app takes the next step when it learns that this one has arrived.
        told = connect(host)
        told.request("POST", f"{app}/steps", headers=KEY)
        assert told.getresponse().status == 204
    assert answer.read() == b""


def notices_that_an_answer_was_cut(host, app):
    for framing in ("length", "chunked"):
        connection = connect(host)
        connection.request("GET", f"{app}/cut/{framing}", headers=KEY)
        try:
            connection.getresponse().read()
            raise AssertionError(f"{framing}: taken for whole")
        except (http.client.IncompleteRead, ConnectionResetError):
            pass


def sees_problems_as_http_errors(host, app):
    for path, headers, code in (
        (f"{app}/", {}, "missing_credentials"),
        ("/peer/nobody/", KEY, "lease_not_found"),
    ):
        try:
            urllib.request.urlopen(urllib.request.Request(f"http://{host}{path}", headers=headers))
            raise AssertionError("no error")
        except urllib.error.HTTPError as error:
            assert json.load(error)["code"] == code


def sends_forms_and_reads_headers(host, app):
    request = urllib.request.Request(f"http://{host}{app}/describe", data=b"a=1&b=2", headers=KEY)
    with urllib.request.urlopen(request) as answer:
        told = json.load(answer)
        assert told["method"] == "POST" and told["bytes"] == 7
        assert told["type"] == "application/x-www-form-urlencoded"
        assert answer.headers["X-Request-ID"]
        assert answer.headers.get_all("X-Twice") == ["one", "two"]


def follows_a_redirect_of_the_app_and_keeps_its_cookies(host, app):
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    opener.addheaders = list(KEY.items())
    with opener.open(f"http://{host}{app}/login") as answer:
        told = json.load(answer)
    assert answer.url == f"http://{host}{app}/describe", answer.url
    assert told["cookie"] == "session=1", told
    assert [cookie.path for cookie in jar] == [app], list(jar)


def speaks_http_1_0(host, app):
    address, port = host.split(":")
    with socket.create_connection((address, int(port)), timeout=20) as connection:
        connection.sendall(f"GET {app}/describe HTTP/1.0\r\nX-API-Key: {KEY['X-API-Key']}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 200 and not answer.chunked
        assert json.load(answer)["target"] == "/describe"


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2], sys.argv[3])
