// A browser that stores a key as the password of Basic: the app's own pages work, and pages of
// other origins cannot use the password.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';
import { browser, withoutBrowser } from './chromium.ts';

interface Scene {
  readonly page: Page;
  readonly port: number;
  /** The requests that reached the app: method and path. */
  readonly seen: string[];
}

const image = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>';
/** Serves both hosts. */
const site = '<!doctype html><link rel="icon" href="data:,"><h1>Site</h1>';

/** `password`: what the browser answers when it is asked for one. */
async function open(t: TestContext, baseDomain: string, password?: string): Promise<Scene> {
  const seen: string[] = [];
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.headers.host?.startsWith('app.') === true) seen.push(`${request.method ?? ''} ${request.url ?? ''}`);
    // An app that lets pages of every origin read it.
    const { origin } = request.headers;
    if (origin !== undefined) {
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Access-Control-Allow-Credentials', 'true');
    }
    if (request.url === '/image.svg') response.setHeader('Content-Type', 'image/svg+xml').end(image);
    else response.setHeader('Content-Type', 'text/html').end(site);
  };
  const policy = {
    ...{ auth: { basic: true }, baseDomain, acl: { app: ['*'], evil: ['anonymous'] } },
    ...(baseDomain === '' && { allowedHosts: ['127.0.0.1', 'gw.peers.test'] }),
  };
  const { app, transport, port } = await startPlainGateway(t, serve, { policy });
  transport.publish({ name: 'evil', port: (app.address() as AddressInfo).port });
  const context = await (
    await browser()
  ).newContext(password === undefined ? {} : { httpCredentials: { username: 'any', password } });
  t.after(() => context.close());
  return { page: await context.newPage(), port, seen };
}

/** Status of a request that the page makes with everything that the browser stores. */
function fetchStatus(page: Page, url: string, options: object): Promise<unknown> {
  const all = JSON.stringify({ credentials: 'include', ...options });
  return page.evaluate(`fetch(${JSON.stringify(url)}, ${all}).then(({ status }) => status, () => 'failed')`);
}

/** Submits a form, as any page may to any origin, and returns the status and text of the result. */
async function submitForm(page: Page, action: string): Promise<readonly [status: number, text: string]> {
  const arrived = page.waitForResponse(action);
  await page.evaluate(`{
    const form = document.createElement('form');
    Object.assign(form, { method: 'post', action: ${JSON.stringify(action)} });
    document.body.append(form);
    form.submit();
  }`);
  const response = await arrived;
  await page.waitForURL(action);
  return [response.status(), await page.locator('body').innerText()];
}

// Chromium sends Sec-Fetch-Site over plain http to hosts below localhost only, and Origin to all.
for (const baseDomain of ['localhost', 'peers.test']) {
  describe(`a stored password, below ${baseDomain}`, { skip: withoutBrowser }, () => {
    it('is asked for, stored, and used by the pages of the app', async (t) => {
      const { page, port, seen } = await open(t, baseDomain);
      assert.equal((await page.goto(`http://any:${key}@app.${baseDomain}:${port}/`))?.status(), 200);
      assert.equal((await page.goto(`http://app.${baseDomain}:${port}/again`))?.status(), 200);
      assert.equal(await fetchStatus(page, '/read', {}), 200);
      assert.equal(await fetchStatus(page, '/write', { method: 'POST', body: 'x' }), 200);
      assert.deepEqual(seen, ['GET /', 'GET /again', 'GET /read', 'POST /write']);
    });

    it('is asked for at the host of a lease', async (t) => {
      const { page, port, seen } = await open(t, baseDomain, key);
      assert.equal((await page.goto(`http://app.${baseDomain}:${port}/`))?.status(), 200);
      assert.deepEqual(seen, ['GET /']);
    });

    // To browsers, names below localhost are sites of their own.
    const servesImages = baseDomain !== 'localhost';
    it(`serves links ${servesImages ? 'and images ' : ''}of other apps`, async (t) => {
      const { page, port, seen } = await open(t, baseDomain);
      const app = `http://app.${baseDomain}:${port}`;
      await page.goto(`http://any:${key}@app.${baseDomain}:${port}/`);
      await page.goto(`http://evil.${baseDomain}:${port}/`);
      seen.length = 0;
      const loads = `new Promise((resolve) => {
        const image = new Image();
        image.onload = () => resolve(true);
        image.onerror = () => resolve(false);
        image.src = ${JSON.stringify(`${app}/image.svg`)};
      })`;
      assert.equal(await page.evaluate(loads), servesImages);
      await page.evaluate(`{
        const link = document.createElement('a');
        link.href = ${JSON.stringify(`${app}/linked`)};
        document.body.append(link);
        link.click();
      }`);
      await page.waitForURL(`${app}/linked`);
      assert.equal(await page.locator('h1').innerText(), 'Site');
      assert.deepEqual(seen, servesImages ? ['GET /image.svg', 'GET /linked'] : ['GET /linked']);
    });

    it('is useless to pages of other origins', async (t) => {
      const { page, port, seen } = await open(t, baseDomain);
      await page.goto(`http://any:${key}@app.${baseDomain}:${port}/`);
      seen.length = 0;
      await page.goto(`http://evil.${baseDomain}:${port}/`);
      const url = `http://app.${baseDomain}:${port}/write`;
      await fetchStatus(page, url, { method: 'POST', mode: 'no-cors', body: 'x' });
      assert.equal(await fetchStatus(page, url, { method: 'PUT', body: 'x' }), 'failed');
      const [status, text] = await submitForm(page, url);
      assert.equal(status, 403);
      assert.match(text, /A page of another origin may not use the password/);
      assert.equal(await fetchStatus(page, `http://app.${baseDomain}:${port}/read`, {}), 'failed');
      assert.deepEqual(seen, []);
    });
  });
}

for (const host of ['127.0.0.1', 'gw.peers.test']) {
  it(
    `a browser by path at ${host} is not asked for a password, and may not use one`,
    { skip: withoutBrowser },
    async (t) => {
      const { page, port, seen } = await open(t, '', key);
      const url = `${host}:${port}/peer`;
      // With a password at hand, which the browser sends only when it is asked.
      const asked = await page.goto(`http://${url}/app/`);
      assert.deepEqual([asked?.status(), asked?.headers()['www-authenticate']], [401, 'Bearer realm="portal-gateway"']);
      assert.equal((await page.goto(`http://any:${key}@${url}/app/`))?.status(), 401);
      await page.goto(`http://${url}/evil/`);
      assert.equal(await fetchStatus(page, '/peer/app/', { method: 'POST', body: 'x' }), 401);
      assert.equal(await fetchStatus(page, '/peer/app/', {}), 401);
      assert.deepEqual(seen, []);
    },
  );
}
