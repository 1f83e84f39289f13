// Metrics of language models: tokens by class and by source of the number.
import { listen, llmUsage, type LlmTokens, type LlmUsage } from '../../kernel/events.ts';
import { counter } from './family.ts';
import type { LeaseLabels } from './lease-labels.ts';

export class UsageMetrics {
  readonly #leases: LeaseLabels;
  readonly #tokens = counter({
    name: 'llm_tokens_total',
    help: 'Tokens of responses to keys with a token quota, by class; estimated where the app did not report them.',
    labels: ['lease_id', 'class', 'source'],
  });
  readonly #unreported = counter({
    name: 'llm_usage_unreported_total',
    help: 'Responses that did not report all of their usage, by outcome: estimated, denied or ignored.',
    labels: ['lease_id', 'outcome'],
  });
  readonly #suspicious = counter({
    name: 'llm_usage_suspicious_total',
    help: 'Responses that reported more tokens than they can have used; charged at the maximum.',
    labels: ['lease_id'],
  });
  readonly #end: () => void;

  constructor(leases: LeaseLabels) {
    this.#leases = leases;
    this.#end = listen(llmUsage, (usage) => {
      this.#count(usage);
    });
  }

  close(): void {
    this.#end();
  }

  text(): string {
    return this.#tokens.text() + this.#unreported.text() + this.#suspicious.text();
  }

  #count({ leaseId, reported, estimated, unknown, suspicious }: LlmUsage): void {
    const lease = this.#leases.labelOf(leaseId);
    this.#add(lease, reported, 'reported');
    this.#add(lease, estimated, 'estimated');
    if (unknown !== undefined) this.#unreported.of(lease, unknown).value += 1;
    if (suspicious) this.#suspicious.of(lease).value += 1;
  }

  #add(lease: string, tokens: LlmTokens, source: string): void {
    for (const [name, count] of Object.entries(tokens) as [string, number][]) {
      if (count > 0) this.#tokens.of(lease, name, source).value += count;
    }
  }
}
