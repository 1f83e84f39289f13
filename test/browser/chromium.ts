// Launches one Chromium without a profile for each test file. Every name below peers.test resolves
// to this machine.
import process from 'node:process';
import { after } from 'node:test';
import { chromium, type Browser } from 'playwright-core';
import { needs } from '../helpers/needs.ts';

const { path, skip } = needs('chromium');

/** Value for the `skip` option of a test: false, or the reason why no browser is available. */
export const withoutBrowser: string | false = skip;

let launched: Promise<Browser> | undefined;

/** Shared by all tests of a file; each test creates its own context. */
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
