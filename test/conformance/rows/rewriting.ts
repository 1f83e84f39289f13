// Path mode serves an app below a prefix that the app does not know: paths in its response headers
// are rewritten to include the prefix.
import { response, app, get, head, receives, request } from '../phrases.ts';
import type { Row, Topic } from '../row.ts';

/** The app's header line, and the line that the client must receive. Undefined: none. */
function rewritten(name: string, line: string, as: string | undefined, status = '302 Found'): Row {
  return {
    name,
    send: get('/dir/page'),
    app: app('GET /dir/page', response(status, 'ok', line)),
    client: receives({ status: Number(status.slice(0, 3)), headers: as === undefined ? [] : [as], body: 'ok' }),
    h2: true,
  };
}

function location(name: string, value: string, as: string): Row {
  return rewritten(`Location: ${name}`, `Location: ${value}`, `Location: ${as}`);
}

function cookie(name: string, value: string, as: string): Row {
  return rewritten(`cookie: ${name}`, `Set-Cookie: ${value}`, `Set-Cookie: ${as}`, '200 OK');
}

export const rewriting: Topic = {
  title: 'path mode rewriting',
  rows: [
    location('a path', '/login', '/peer/@app/login'),
    location('a path with query and fragment', '/login?next=%2Fx#top', '/peer/@app/login?next=%2Fx#top'),
    location('the root', '/', '/peer/@app/'),
    location('a path relative to the request', 'next', 'next'),
    location('a path relative to its parent', '../up', '/peer/@app/up'),
    location('a path relative to more parents than exist', '../../../other/x', '/peer/@app/other/x'),
    location('dot segments in a path', '/../../other/x', '/peer/@app/other/x'),
    location('only a query', '?page=2', '?page=2'),
    location('only a fragment', '#x', '#x'),
    location('another site', 'https://elsewhere.test/x', 'https://elsewhere.test/x'),
    location('another site without a scheme', '//elsewhere.test/x', '//elsewhere.test/x'),
    location('the app itself, by the host it received', 'http://@app/x?y', '/peer/@app/x?y'),
    location('another scheme', 'mailto:a@b.test', 'mailto:a@b.test'),
    location('a name with the app’s name as prefix', 'http://@app.elsewhere.test/x', 'http://@app.elsewhere.test/x'),
    rewritten('Location with 201', 'Location: /items/1', 'Location: /peer/@app/items/1', '201 Created'),
    rewritten('Location with 307', 'Location: /again', 'Location: /peer/@app/again', '307 Temporary Redirect'),
    rewritten('location in lower case', 'location: /x', 'location: /peer/@app/x'),
    rewritten('Content-Location', 'Content-Location: /x.html', 'Content-Location: /peer/@app/x.html', '200 OK'),
    rewritten('a relative Content-Location', 'Content-Location: x.html', 'Content-Location: x.html', '200 OK'),
    rewritten('Service-Worker-Allowed is dropped', 'Service-Worker-Allowed: /', undefined, '200 OK'),
    cookie('the root', 'a=1; Path=/', 'a=1; Path=/peer/@app'),
    cookie('a path', 'a=1; Path=/deep/er', 'a=1; Path=/peer/@app/deep/er'),
    cookie('the path attribute in another case', 'a=1; pAtH=/x; Secure', 'a=1; Path=/peer/@app/x; Secure'),
    cookie('the domain is dropped', 'a=1; Domain=example.test; Path=/x', 'a=1; Path=/peer/@app/x'),
    cookie(
      'the domain attribute in another case',
      'a=1; domain=.Example.test; Path=/; HttpOnly',
      'a=1; Path=/peer/@app; HttpOnly',
    ),
    // RFC 6265 §5.1.4: at /peer/@app itself, a browser would default to the path /peer, which
    // covers every app.
    cookie('a missing path becomes that of the request', 'a=1; Max-Age=60', 'a=1; Max-Age=60; Path=/peer/@app/dir'),
    cookie(
      'other attributes are kept',
      'a="x=y"; Expires=Wed, 09 Jun 2027 10:18:14 GMT; SameSite=Lax; Path=/; Secure; HttpOnly; Partitioned',
      'a="x=y"; Expires=Wed, 09 Jun 2027 10:18:14 GMT; SameSite=Lax; Path=/peer/@app; Secure; HttpOnly; Partitioned',
    ),
    cookie('a value that looks like attributes', 'path=/; Path=/x', 'path=/; Path=/peer/@app/x'),
    {
      name: 'several cookies stay separate',
      send: get(),
      app: app(
        'GET /',
        response('200 OK', 'ok', 'Set-Cookie: a=1; Path=/', 'X-Between: 1', 'Set-Cookie: b=2; Path=/b'),
      ),
      client: receives({
        status: 200,
        headers: ['Set-Cookie: a=1; Path=/peer/@app', 'X-Between: 1', 'Set-Cookie: b=2; Path=/peer/@app/b'],
        body: 'ok',
      }),
      h2: true,
    },
    {
      name: 'the prefix keeps the client’s spelling',
      send: head('GET /peer/@id/x HTTP/1.1', 'Host: gw.test', 'X-API-Key: @key'),
      app: app('GET /x', response('302 Found', 'ok', 'Location: /login', 'Set-Cookie: a=1; Path=/')),
      client: receives({
        status: 302,
        headers: ['Location: /peer/@id/login', 'Set-Cookie: a=1; Path=/peer/@id'],
        body: 'ok',
      }),
      h2: true,
    },
    {
      name: 'a client’s cookies and referer are forwarded unchanged',
      send: request('GET', '/', 'Cookie: a=1; Path=/', 'Referer: http://gw.test/peer/@app/x'),
      app: app({ line: 'GET /', headers: ['Cookie: a=1; Path=/', 'Referer: http://gw.test/peer/@app/x'] }),
      client: receives({ status: 200, body: 'ok' }),
      h2: true,
    },
    {
      name: 'bodies are never rewritten',
      send: get(),
      app: app('GET /', response('200 OK', '<a href="/x">', 'Content-Type: text/html')),
      client: receives({ status: 200, headers: ['Content-Type: text/html'], body: '<a href="/x">' }),
      h2: true,
    },
  ],
};
