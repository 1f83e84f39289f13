// Owns the browser of a test file: one Chromium without a profile, in which every name below peers.test is this machine.
import process from 'node:process';
import { after } from 'node:test';
import { chromium, type Browser } from 'playwright-core';
import { needs } from '../helpers/needs.ts';

const { path, skip } = needs('chromium');

/** For the options of a test: false, or why there is no browser. */
export const withoutBrowser: string | false = skip;

let launched: Promise<Browser> | undefined;

/** The same for all tests of a file; each makes a context of its own. */
export function browser(): Promise<Browser> {
  launched ??= chromium.launch({
    executablePath: path,
    headless: true,
    chromiumSandbox: false,
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--no-proxy-server',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP *.peers.test 127.0.0.1',
    ],
  });
  return launched;
}

after(async () => {
  await (await launched)?.close();
});
