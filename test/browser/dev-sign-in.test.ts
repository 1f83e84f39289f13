// A browser in front of `dev`: the sign-in link, the pages on the way, and what pages of other
// origins can do with the session.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { browser, withoutBrowser } from './chromium.ts';
import { lowestContrast } from './contrast.ts';
import { createSite, echoOn, type Visits } from './site.ts';

interface Printed {
  readonly url: string;
  readonly path_url: string;
  readonly key: string;
  readonly sign_in: string;
}

async function startDev(t: TestContext, ...args: readonly string[]): Promise<Printed> {
  const state = await temporaryDirectory(t);
  const cli = startCli(t, ['dev', ...args, '--port', '0', '--json'], { XDG_STATE_HOME: state, HOME: state });
  await cli.line(/\}\n$/);
  return JSON.parse(cli.stdout()) as Printed;
}

async function listen(
  t: TestContext,
  serve: RequestListener,
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(serve);
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

async function openPage(t: TestContext, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await (await browser()).newContext(options);
  t.after(() => context.close());
  return context.newPage();
}

/** The site as an own app of `dev`, and a browser that is signed in. */
async function signedIn(t: TestContext): Promise<Printed & { readonly page: Page; readonly visits: Visits }> {
  const { serve, visits } = createSite();
  const { server, port } = await listen(t, serve);
  echoOn(server);
  const printed = await startDev(t, String(port), '--name', 'site');
  const page = await openPage(t);
  const response = await page.goto(printed.sign_in);
  assert.equal(response?.status(), 200);
  return { ...printed, page, visits };
}

/** As the error page says; not every resolver knows names below localhost. */
async function anotherLink({ sign_in, key }: Printed): Promise<string> {
  const { host, port, pathname } = new URL(sign_in);
  const headers = { host, authorization: `Bearer ${key}` };
  const outgoing = request({ host: '127.0.0.1', port, path: pathname, method: 'POST', headers });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return (await text(response)).trim();
}

describe('dev in a browser', { skip: withoutBrowser }, () => {
  test('the link opens the app, whose page works, and no script or app sees the session', async (t) => {
    const { page, url, visits } = await signedIn(t);
    assert.equal(page.url(), url);
    await page.waitForFunction('document.title === "script ran"');
    const echoed = await page.evaluate<string>(`new Promise((resolve, reject) => {
      const socket = new WebSocket('/ws');
      socket.onopen = () => socket.send('hello');
      socket.onmessage = ({ data }) => resolve(data);
      socket.onerror = reject;
    })`);
    assert.equal(echoed, 'hello');
    const uploaded = await page.evaluate<number>(`(async () =>
      (await (await fetch('/upload', { method: 'PUT', body: 'x'.repeat(1000) })).json()).bytes)()`);
    assert.equal(uploaded, 1000);
    assert.equal(await page.evaluate('document.cookie'), '');
    await page.goto(`${url}login`);
    // The app's own cookies come back to it, and the session stays.
    assert.equal(await page.locator('p').innerText(), 'session=s1; theme=dark');
    // `dev` itself asks the app whether it is an MCP server.
    const called = visits.requests.filter(({ headers }) => headers['x-request-id'] !== undefined);
    assert.ok(called.length >= 5);
    for (const { headers } of called) {
      assert.doesNotMatch(JSON.stringify(headers), /portal-gateway-dev|token=/);
      assert.equal(headers['x-gateway-key-id'], 'dev');
    }
  });

  test('the session is for one browser, one host and one port', async (t) => {
    const { page, url, path_url, sign_in } = await signedIn(t);
    const other = await openPage(t);
    assert.equal((await other.goto(sign_in))?.status(), 401);
    assert.match(await other.locator('main').innerText(), /works once.+restart/s);
    assert.equal((await other.goto(url))?.status(), 401);
    // The browser that used the link stays signed in, and path mode never is.
    assert.equal((await page.goto(sign_in))?.status(), 200);
    assert.equal((await page.goto(path_url))?.status(), 401);
    assert.equal((await page.goto(path_url.replace('127.0.0.1', 'localhost')))?.status(), 401);
    assert.equal((await page.goto(url.replace('//site.', '//other.')))?.status(), 401);
  });

  test('pages of other origins can change nothing with the session', async (t) => {
    const { page, url, visits } = await signedIn(t);
    const { port } = await listen(t, (_request, response) => {
      response.setHeader('Content-Type', 'text/html').end('<p>evil');
    });
    // The last one is of the same site and host, so that the browser sends the cookie.
    for (const origin of [
      `http://evil.peers.test:${port}`,
      `http://evil.localhost:${port}`,
      `http://site.localhost:${port}`,
    ]) {
      await page.goto(origin);
      const before = visits.requests.length;
      await page.evaluate(`(async () => {
        const send = (path, options) => fetch('${url}' + path, { credentials: 'include', mode: 'no-cors', ...options }).catch(() => {});
        await send('by-fetch', { method: 'POST', body: 'x' });
        await send('by-keepalive', { method: 'POST', body: 'x', keepalive: true });
        await new Promise((resolve) => {
          const socket = new WebSocket('${url.replace('http', 'ws')}ws');
          socket.onopen = socket.onerror = resolve;
        });
        navigator.sendBeacon('${url}by-beacon', 'x');
      })()`);
      await page.evaluate(`{
        const form = document.createElement('form');
        form.method = 'post';
        form.action = '${url}by-form';
        document.body.append(form);
        form.submit();
      }`);
      await page.waitForURL(/by-form/);
      assert.match(await page.locator('main').innerText(), /40[13]/);
      assert.deepEqual(
        visits.requests.slice(before).map((request) => request.url),
        [],
        origin,
      );
    }
    // A link from another origin is a read, and works.
    await page.evaluate(`location.href = '${url}'`);
    await page.waitForFunction('document.title === "script ran"');
  });
});

describe('the pages of dev', { skip: withoutBrowser }, () => {
  const looks: readonly BrowserContextOptions[] = (['light', 'dark'] as const).flatMap((colorScheme) =>
    [390, 1200].map((width) => ({ colorScheme, viewport: { width, height: 844 } })),
  );

  test('fit phones and screens, are readable in light and dark, and load without complaints', async (t) => {
    const printed = await startDev(t);
    const { url, path_url } = printed;
    let link = printed.sign_in;
    for (const options of looks) {
      const page = await openPage(t, options);
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text());
      });
      const pages = [
        url,
        link,
        link.replace(/token=.*/, 'token=used'),
        new URL('/.well-known/portal-gateway/errors', path_url).href,
      ];
      for (const address of pages) {
        // The demo page and error pages in the state before and after the sign-in.
        await page.goto(address);
        const where = `${JSON.stringify(options)} ${address}`;
        assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, where);
        assert.ok((await lowestContrast(page)) >= 4.5, where);
      }
      assert.deepEqual(complaints, []);
      link = await anotherLink(printed);
    }
  });

  test('the links of the demo page work', async (t) => {
    const { url, sign_in } = await startDev(t);
    const page = await openPage(t);
    await page.goto(sign_in);
    const links = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.try a')].map((link) => link.getAttribute('href'))`,
    );
    assert.equal(links.length, 5);
    for (const link of links) {
      if (link.startsWith('/bytes/')) {
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.locator(`a[href="${link}"]`).click(),
        ]);
        assert.equal(await download.failure(), null);
        continue;
      }
      const response = await page.goto(new URL(link, url).href);
      assert.equal(response?.status(), link === '/status/503' ? 503 : 200, link);
      assert.equal(response.headers()['proxy-status'], undefined, link);
      await page.goto(url);
    }
  });
});
