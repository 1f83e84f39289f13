// A browser on a site behind the gateway, by path and by host: the site works the same.
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { startPlainGateway } from '../helpers/plain-gateway.ts';
import { closed } from '../helpers/scripted-app.ts';
import { browser, withoutBrowser } from './chromium.ts';
import { createSite, echoOn, type Visits } from './site.ts';

interface Visit {
  readonly page: Page;
  /** URL of the site's front page; ends with a slash. */
  readonly url: string;
  readonly visits: Visits;
  /** Errors and warnings that the browser reported. */
  readonly complaints: string[];
}

const modes = {
  path: (port: number) => `http://127.0.0.1:${port}/peer/app/`,
  host: (port: number) => `http://app.peers.test:${port}/`,
};

async function visit(t: TestContext, urlOf: (port: number) => string): Promise<Visit> {
  const { serve, visits } = createSite();
  // Browsers send no API key with page loads.
  const policy = { auth: { enabled: false, keys: [] }, acl: { '*': ['anonymous'] }, baseDomain: 'peers.test' };
  const { app, port } = await startPlainGateway(t, serve, { policy });
  echoOn(app);
  const context = await (await browser()).newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  const url = urlOf(port);
  const response = await page.goto(url);
  assert.equal(response?.status(), 200);
  return { page, url, visits, complaints };
}

for (const [mode, urlOf] of Object.entries(modes)) {
  const at = `by ${mode}`;

  test(`${at}, a page loads with its style and script`, { skip: withoutBrowser }, async (t) => {
    const { page, complaints } = await visit(t, urlOf);
    assert.equal(await page.title(), 'script ran');
    assert.equal(await page.evaluate("getComputedStyle(document.querySelector('h1')).color"), 'rgb(1, 2, 3)');
    assert.deepEqual(complaints, []);
  });

  test(
    `${at}, an EventSource receives each event, resumes, and the app notices when it closes`,
    { skip: withoutBrowser },
    async (t) => {
      const { page, visits } = await visit(t, urlOf);
      const heard: string[] = [];
      const waiting: (() => void)[] = [];
      await page.exposeFunction('heard', (text: string) => {
        heard.push(text);
        waiting.shift()?.();
      });
      const next = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
      const opened = next();
      await page.evaluate(`
      window.source = new EventSource('events');
      source.onopen = () => heard('open');
      source.onmessage = (event) => heard(event.lastEventId + event.data);`);
      await opened;
      for (const id of [1, 2]) {
        const event = next();
        visits.events[0]?.write(`id: ${id}\ndata: event\n\n`);
        await event;
      }
      const reopened = next();
      visits.events[0]?.end('retry: 1\n\n');
      await reopened;
      assert.deepEqual(heard, ['open', '1event', '2event', 'open']);
      const [second] = visits.requests.slice(-1);
      assert.ok(second);
      assert.equal(second.headers['last-event-id'], '2');
      const left = closed(second);
      await page.evaluate('source.close()');
      await left;
    },
  );

  test(`${at}, a WebSocket exchanges messages with the app, which closes it`, { skip: withoutBrowser }, async (t) => {
    const { page } = await visit(t, urlOf);
    const result = await page.evaluate<unknown>(`new Promise((resolve) => {
      const said = [];
      const socket = new WebSocket(new URL('ws', document.baseURI), ['chat']);
      socket.binaryType = 'arraybuffer';
      socket.onopen = () => { socket.send('grüße'); socket.send(new Uint8Array(1000000)); socket.send('bye'); };
      socket.onmessage = ({ data }) => said.push(typeof data === 'string' ? data : data.byteLength);
      socket.onclose = ({ code, reason }) => resolve([socket.protocol, socket.extensions, said, code, reason]);
    })`);
    assert.deepEqual(result, ['chat', 'permessage-deflate', ['grüße', 1_000_000], 4002, 'as you wish']);
  });

  test(`${at}, files are uploaded by form and by script`, { skip: withoutBrowser }, async (t) => {
    const { page } = await visit(t, urlOf);
    const sha256 = await page.evaluate<string>(`(async () => {
      const answer = await fetch('upload', { method: 'PUT', body: new Uint8Array(5_000_000).fill(7) });
      return (await answer.json()).sha256;
    })()`);
    assert.equal(sha256, hash('sha256', Buffer.alloc(5_000_000, 7)));
    const file = randomBytes(1_000_000);
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'a.bin', mimeType: 'application/octet-stream', buffer: file });
    await Promise.all([page.waitForURL(/upload$/), page.locator('button').click()]);
    const result = JSON.parse(await page.locator('body').innerText()) as { bytes: number; title: boolean };
    assert.ok(result.bytes > file.length && result.title);
  });

  test(
    `${at}, a redirect stays within the site, and the site gets its cookies back`,
    {
      skip: withoutBrowser,
    },
    async (t) => {
      const { page, url } = await visit(t, urlOf);
      const { pathname } = new URL(url);
      // A cookie path without its trailing slash covers everything below it, but not longer names.
      const cookiePath = pathname === '/' ? pathname : pathname.slice(0, -1);
      await page.goto(`${url}login`);
      assert.equal(page.url(), `${url}account/`);
      assert.match(await page.locator('p').innerText(), /session=s1/);
      const cookies = await page.context().cookies(url);
      const session = cookies.find(({ name }) => name === 'session');
      assert.deepEqual([session?.path, session?.httpOnly, session?.domain], [cookiePath, true, new URL(url).hostname]);
    },
  );
}
