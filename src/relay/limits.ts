// Owns how much anybody may ask of our relay, and why so much. Every bound on memory and work of the relay is in this table.
// What is over a limit is refused; what is within is never slowed down.

export interface RelayLimits {
  /** Bytes that the relay holds for all peers together: queues, half requests and messages, and a flat amount for each thing open. */
  readonly memoryBytes: number;
  /** Of one address, over all its connections; a quarter of it while more than three quarters of the total are in use. */
  readonly memoryBytesPerAddress: number;
  /** Websockets at once; one more is answered 503. */
  readonly connections: number;
  /**
   * Connections at once from one address (an IPv6 network of 64 bits is one), websocket or not yet; one more is answered 429, and further
   * ones are closed at once. Many apps and gateways may share an address.
   */
  readonly connectionsPerAddress: number;
  /** Streams of one websocket at once; more get RST. The memory of an address bounds those of all its websockets. A gateway keeps one for each idle tunnel. */
  readonly streamsPerConnection: number;
  /** Of those, streams that still carry requests; more get RST. Apps and gateways open them in bursts. */
  readonly controlStreamsPerConnection: number;
  /** Bytes of requests not yet answered, and of what was sent behind them, for one websocket. The stream over it gets RST. */
  readonly controlBytesPerConnection: number;
  /** The longest request: a lease with the largest metadata, and as much again for the rest. */
  readonly requestBytes: number;
  /** Connection requests of one websocket that wait for an app; more are REJECTED. */
  readonly requestsInFlightPerConnection: number;
  readonly leases: number;
  readonly leasesPerConnection: number;
  /** From one IPv4 address or IPv6 /64. They may take a quarter of `directoryBytes`. */
  readonly leasesPerAddress: number;
  /** All leases as listed: the info answer is one message of at most 2^26 bytes, held in memory once. */
  readonly directoryBytes: number;
  /** UTF-8. Real relays take any name; a DNS name has 255 bytes at most. */
  readonly nameBytes: number;
  readonly alpnCount: number;
  /** RFC 7301 §3.1: a protocol name has 255 bytes at most. */
  readonly alpnBytes: number;
  /** UTF-8. The stock demo app publishes a picture of 135 KiB in it. */
  readonly metadataBytes: number;
  /** Forwarded connections to one lease at once; more are REJECTED. As many as one app's websocket has streams; the memory of an address bounds them first. */
  readonly forwardsPerLease: number;
  /** Granted on each stream: what a forwarded connection may hold in memory in each direction, twice over. */
  readonly windowBytes: number;
  /** How far that grows on a stream whose other side takes it fast. */
  readonly grownWindowBytes: number;
  /** How far it grows on a stream whose bandwidth-delay product needs more. */
  readonly farWindowBytes: number;
  /** What all windows may grow by, over all websockets. Those of one address have a quarter of it in use at most, less than an address may hold. */
  readonly windowBudgetBytes: number;
  /** The longest websocket message: a yamux frame as large as the largest window, with room to spare. */
  readonly messageBytes: number;
  /** From the first byte to the end of the upgrade request. */
  readonly upgradeTimeoutMs: number;
  /** For the next whole request on a stream, and for the peer to take an answer. Clients ask right after they open. */
  readonly requestTimeoutMs: number;
  /** For an app to answer a connection request. Real relays wait until their keepalive fails (38.5 s measured). */
  readonly appAnswerTimeoutMs: number;
  /** For the peer to end a stream that this side has ended; then RST. */
  readonly lingerMs: number;
}

export const defaultLimits: RelayLimits = {
  memoryBytes: 1_073_741_824,
  memoryBytesPerAddress: 268_435_456,
  connections: 4_096,
  connectionsPerAddress: 512,
  streamsPerConnection: 16_384,
  controlStreamsPerConnection: 1_024,
  controlBytesPerConnection: 16_777_216,
  requestBytes: 524_288,
  requestsInFlightPerConnection: 512,
  leases: 10_000,
  leasesPerConnection: 256,
  leasesPerAddress: 1_024,
  directoryBytes: 16_777_216,
  nameBytes: 255,
  alpnCount: 16,
  alpnBytes: 255,
  metadataBytes: 262_144,
  forwardsPerLease: 16_384,
  windowBytes: 262_144,
  grownWindowBytes: 1_048_576,
  farWindowBytes: 16_777_216,
  windowBudgetBytes: 268_435_456,
  messageBytes: 17_825_792,
  upgradeTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  appAnswerTimeoutMs: 15_000,
  lingerMs: 5_000,
};
