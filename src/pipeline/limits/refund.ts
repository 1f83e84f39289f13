// Refunds a request that was charged but never started.
import type { Limiter } from '../../limits/limiter.ts';
import type { Exchange } from '../stage.ts';
import { quotaOf } from './key-quota.ts';
import { chargesOf } from './rate-limit.ts';

export function refund(limiter: Limiter, exchange: Exchange): void {
  limiter.give(chargesOf(exchange), quotaOf(exchange));
}
