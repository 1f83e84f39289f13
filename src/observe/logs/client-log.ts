// Log lines about client connections.
import type { Logger } from 'pino';
import { listen, slowClientCut, type SlowClientCut } from '../../kernel/events.ts';

/** Returns a function that stops it. */
export function writeClientLog(log: Logger): () => void {
  return listen(slowClientCut, ({ requestId, clientIp, leaseId }: SlowClientCut) => {
    log.warn(
      { request_id: requestId, client_ip: clientIp, lease_id: leaseId },
      'response aborted: the client read more slowly than gateway.min_write_rate',
    );
  });
}
