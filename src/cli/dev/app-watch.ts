// Watches the app of `dev` until it listens, and then looks for an MCP server in it.
import { setTimeout as sleep } from 'node:timers/promises';
import { probeTarget } from '../../expose/app/target-probe.ts';
import type { Target } from '../../expose/app/target.ts';
import { printable } from '../../kernel/printable.ts';
import type { Terminal } from '../terminal.ts';
import { mcpPathOf } from './mcp-probe.ts';

const lookEveryMs = 1_000;

/**
 * Resolves with the path of its MCP server, if it has one, once the app listens. Notes an app that
 * does not listen yet, and calls `absent`. Never rejects; resolves with undefined when `signal`
 * aborts.
 */
export async function mcpPathOnceUp(
  target: Target,
  terminal: Pick<Terminal, 'note'>,
  { signal, absent }: { readonly signal: AbortSignal; readonly absent: () => void },
): Promise<string | undefined> {
  let isNoted = false;
  for (;;) {
    const fault = await probeTarget(target, signal);
    if (signal.aborted) return undefined;
    if (fault === undefined) break;
    if (!isNoted) terminal.note(absentLine(target, fault));
    isNoted = true;
    absent();
    await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
  if (isNoted) terminal.note(`${target.origin} accepts connections now.`);
  return mcpPathOf(target, signal);
}

function absentLine({ origin }: Target, { proxyError, reason }: { proxyError: string; reason: string }): string {
  return proxyError === 'connection_refused'
    ? `Nothing listens on ${origin} yet: start your app there. Requests get 502 until then.`
    : `${origin} does not respond (${printable(reason)}). Requests get 502 until it does.`;
}
