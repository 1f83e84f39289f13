// Implements `dev`: relay, app and gateway in one process, connected as separate processes would
// be. Leaves no files behind.
import { domainToUnicode } from 'node:url';
import { createApiKey } from '../../auth/api-key.ts';
import { BrowserSessions } from '../../auth/browser-sessions.ts';
import type { Config, KeyConfig } from '../../config/load/config.ts';
import { defaultConfig } from '../../config/schema/defaults.ts';
import type { Target } from '../../expose/app/target.ts';
import { leaseNameFault } from '../../expose/lease-name-fault.ts';
import { runGateway } from '../../gateway/run-gateway.ts';
import { systemClock } from '../../kernel/clock.ts';
import { leaseKey } from '../../kernel/lease-name.ts';
import { printableJson } from '../../kernel/printable.ts';
import { createCredential } from '../../portal/index.ts';
import type { CliContext } from '../context.ts';
import { mcpPathOnceUp } from '../dev/app-watch.ts';
import { checkPort } from '../dev/check-port.ts';
import { appLabel, devDomain, type DevFacts, devResult, resultLines } from '../dev/dev-lines.ts';
import { isOnThisMachine, startRelay } from '../dev/local-relay.ts';
import { noteRejectedCalls } from '../dev/rejected-calls.ts';
import { type AppPath, publishApp, startDemo } from '../dev/publish-app.ts';
import { usageFault } from '../fault.ts';
import { aborted } from '../shutdown.ts';
import { trusted } from './relay-trust.ts';

export interface DevOptions {
  readonly port: number;
  readonly name?: string;
  readonly relay?: string;
  readonly caFile?: string;
  readonly json?: boolean;
}

const loopback = '127.0.0.1';
const drainMs = 5_000;
const keyId = 'dev';
const scopes: readonly string[] = ['read', 'write'];
/** With `--json`, how long to wait for the app's response to `initialize`. */
const mcpWaitMs = 4_000;
/** One page of a development server can be thousands of modules, all requested at once. */
const devRate = { requestsPerSecond: 10_000, burst: 20_000 };

/** `target`: undefined for the demo app. */
export async function dev(target: Target | undefined, options: DevOptions, context: CliContext): Promise<void> {
  const { terminal, signal } = context;
  const { ca } = await checkOptions(target, options);
  await checkPort(loopback, options.port);
  const name = options.name ?? (target === undefined ? 'demo' : 'app');
  await using parts = new AsyncDisposableStack();
  try {
    const relay = options.relay ?? (await startRelay(parts, loopback, target));
    const path = {
      relay,
      gateway: createCredential(),
      credential: createCredential(),
      ...(ca !== undefined && { ca }),
    };
    const app = target ?? (await startDemo(parts, loopback, path));
    const description = target === undefined ? 'The demo app of Portal Gateway' : '';
    const note = await publishApp(parts, { name, description, target: app }, path, context);
    const facts = await startGateway(parts, { name, path, options, signal });
    noteParts(facts, context);
    const { url, path_url: pathUrl } = devResult(facts, undefined);
    parts.defer(noteRejectedCalls({ name, url, pathUrl }, note, systemClock));
    const stop = new AbortController();
    parts.defer(() => {
      stop.abort();
    });
    const { promise: absent, resolve } = Promise.withResolvers<undefined>();
    const noteAbsent = (): void => {
      resolve(undefined);
    };
    const mcp =
      target === undefined
        ? Promise.resolve(undefined)
        : mcpPathOnceUp(target, terminal, { signal: stop.signal, absent: noteAbsent });
    await print(facts, { mcp, absent, isJson: options.json === true }, context);
    terminal.note('Press Ctrl-C to stop everything.');
    await aborted(signal);
  } catch (error) {
    // An abort during the start counts as a normal stop.
    if (!signal.aborted) throw error;
  }
}

/** Throws CliFault for options that cannot work. Returns the CA to trust. */
async function checkOptions(
  target: Target | undefined,
  { port, name, relay, caFile }: DevOptions,
): Promise<{ readonly ca?: string }> {
  const fault = name === undefined ? undefined : leaseNameFault(name);
  if (fault !== undefined) throw usageFault(`--name cannot be published: ${fault}`);
  if (target?.port === port && isOnThisMachine(target))
    throw usageFault(
      `port ${port} is the gateway's own: name the port of your app, or choose another port for the gateway with --port`,
    );
  if (caFile !== undefined && relay === undefined)
    throw usageFault('--ca-file needs --relay: name a wss:// relay, or leave --ca-file out');
  return trusted(caFile, relay === undefined ? [] : [relay]);
}

interface GatewayPlan {
  readonly name: string;
  readonly path: AppPath;
  readonly options: DevOptions;
  readonly signal: AbortSignal;
}

/** Started last, so that it drains first: requests in flight need the app and the relay. */
async function startGateway(
  parts: AsyncDisposableStack,
  { name, path, options, signal }: GatewayPlan,
): Promise<DevFacts> {
  const key = createApiKey('test');
  const sessions = new BrowserSessions({
    principal: { id: keyId, kind: 'key', scopes },
    clock: systemClock,
  });
  const gateway = await runGateway(parts, {
    config: devConfig({ name, path, key, options }),
    credential: path.gateway,
    sessions,
  });
  await gateway.ready(signal);
  const leaseId = path.credential.id;
  // The link is for the lease as the host names it.
  const link = sessions.createLink(leaseKey(domainToUnicode(appLabel({ name, leaseId }))));
  return { name, leaseId, key, link, gatewayUrl: gateway.url, gatewayId: path.gateway.id, relay: path.relay };
}

/** Ignores the file and the environment, so that `dev` works the same everywhere. */
function devConfig({
  name,
  path,
  key,
  options,
}: Pick<GatewayPlan, 'name' | 'path' | 'options'> & { readonly key: string }): Config {
  const { gateway, portal, auth, rateLimit, ...rest } = defaultConfig();
  return {
    ...rest,
    // Do not let idle connections of a browser delay the exit.
    gateway: {
      ...{ ...gateway, host: loopback, port: options.port, baseDomain: devDomain },
      ...{ shutdownGraceMs: drainMs, drainLingerMs: 0 },
    },
    portal: {
      ...portal,
      relays: [{ url: path.relay, caFile: options.caFile ?? '' }],
      // On a relay elsewhere, anyone may publish a lease of the same name.
      leasePins: { [name]: path.credential.id },
    },
    auth: { ...auth, keys: [devKey(key)] },
    rateLimit: { ...rateLimit, global: devRate, perKey: { ...rateLimit.perKey, default: devRate } },
    leaseAcl: { [name]: [keyId] },
  };
}

function devKey(key: string): KeyConfig {
  return {
    ...{ id: keyId, key, keyHash: '', keyPrefix: '' },
    ...{ description: '', scopes, notBefore: '', expiresAt: '', allowedCidrs: [] },
  };
}

function noteParts({ relay, gatewayUrl, gatewayId, name, leaseId }: DevFacts, { terminal }: CliContext): void {
  terminal.note(`relay    ${relay}`);
  terminal.note(`gateway  ${gatewayUrl} (${gatewayId})`);
  terminal.note(`lease    "${name}" (${leaseId}), for this gateway only`);
}

interface Printed {
  /** Resolves with the path of the app's MCP server, if it has one. */
  readonly mcp: Promise<string | undefined>;
  /** Resolves if the app does not listen yet. */
  readonly absent: Promise<undefined>;
  readonly isJson: boolean;
}

async function print(
  facts: DevFacts,
  { mcp, absent, isJson }: Printed,
  { terminal, signal }: CliContext,
): Promise<void> {
  if (isJson) {
    const path = await Promise.race([mcp, absent, timeout(mcpWaitMs), aborted(signal)]);
    terminal.result(printableJson(devResult(facts, path ?? undefined)));
    return;
  }
  for (const line of resultLines(devResult(facts, undefined))) terminal.result(line);
  terminal.note('The link signs a browser in. It works once, within 5 minutes.');
  // Not awaited: the app may start at any time, and may be slow.
  void mcp.then((path) => {
    const line = path === undefined ? null : devResult(facts, path).mcp;
    if (line !== null) terminal.result(`mcp   ${line}`);
  });
}

function timeout(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms, undefined).unref();
  });
}
