// The public entry point of the Portal v1 client: `portal-gateway/portal`.
export type { ClientRefusal } from './publishing/accept.ts';
export { ClockSkewError, PortalError, type PortalErrorCode } from './errors.ts';
export {
  createCredential,
  credentialFromSeed,
  isLeaseId,
  leaseIdOf,
  type Credential,
  type Identity,
} from './identity.ts';
export type { InfoOptions } from './list-request.ts';
export { loadIdentity, loadOrCreateIdentity } from './identity-file.ts';
export type { LeaseOffer, PortalLease, RelayInfo } from './lease.ts';
export { LeaseRejected, type NameHolder } from './publishing/name-holder.ts';
export type { PublishObserver } from './publishing/publication.ts';
export type { PublishedLease } from './publishing/publishers.ts';
export type { ListenOptions } from './publishing/republished-leases.ts';
export { RelayClient, type RelayClientOptions } from './relay-client.ts';
export type { RelayClientEvent } from './relay-client-event.ts';
export type { SecureChannel } from './secure/channel.ts';
export type { SecurePipe } from './secure/secure-pipe.ts';
export { connect, Session, type DialOptions, type SessionOptions } from './session.ts';
export { MuxDuplex } from './yamux/duplex.ts';
export { WindowBudget } from './yamux/window-budget.ts';
