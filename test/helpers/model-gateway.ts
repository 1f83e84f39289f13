// A gateway in front of an app with a language model, with a quota of tokens.
import type { RequestListener, ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { LocalLimiter } from '../../src/limits/local-limiter.ts';
import { MemoryLimiter } from '../../src/limits/memory-limiter.ts';
import { QuotaLedger } from '../../src/limits/quotas/quota-ledger.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { listen, llmUsage, type LlmUsage } from '../../src/kernel/events.ts';
import type { QuotasPolicy } from '../../src/policy/policy.ts';
import { auth, startPlainGateway, type PlainGateway } from './plain-gateway.ts';

export interface ModelGateway extends PlainGateway {
  readonly ledger: QuotaLedger;
  readonly time: { nowMs: number };
  /** Usage of the counted responses, in order. */
  readonly usages: LlmUsage[];
  readonly tokens: () => number;
  readonly post: (path: string, body?: string, headers?: readonly string[]) => Promise<number>;
  /** Waits until this many responses have been counted. */
  readonly counted: (responses: number) => Promise<void>;
}

/** `serve`: the app of a model. `quotas`: replaces parts of a quota of 10^9 tokens a day. */
export async function startModelGateway(
  t: TestContext,
  serve: RequestListener,
  quotas: Partial<QuotasPolicy> = {},
): Promise<ModelGateway> {
  const time = { nowMs: Date.parse('2026-11-30T12:00:00Z') };
  const clock = { ...systemClock, wallMs: () => time.nowMs };
  const ledger = new QuotaLedger({ clock });
  const usages: LlmUsage[] = [];
  t.after(listen(llmUsage, (usage) => usages.push(usage)));
  const gateway = await startPlainGateway(t, serve, {
    policy: { quotas: { daily: { test: { llmTokens: 1_000_000_000 } }, ...quotas } },
    ...{ clock, quotas: ledger, limiter: new LocalLimiter(new MemoryLimiter({ clock }), ledger) },
  });
  let used = 0;
  return {
    ...{ ...gateway, ledger, time, usages },
    tokens: () => (used = ledger.changes(10).at(-1)?.used.llmTokens ?? used),
    post: async (path, body = '', headers = []) =>
      (await gateway.call(`/peer/app${path}`, { method: 'POST', body, headers: [...auth, ...headers] })).status,
    counted: async (responses) => {
      while (usages.length < responses) await setTimeout(5);
    },
  };
}

export function respond(response: ServerResponse, headers: readonly string[], body: string | Uint8Array): void {
  for (let i = 0; i < headers.length; i += 2) response.setHeader(headers[i] ?? '', headers[i + 1] ?? '');
  response.end(body);
}
