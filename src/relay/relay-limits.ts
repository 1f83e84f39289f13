// The limits of the relay on memory and work, with their reasons. Requests over a limit are
// rejected; those within are never slowed down.

export interface RelayLimits {
  /**
   * Memory for all peers together, in bytes: queues, partial requests and messages, and a flat
   * amount for each open object.
   */
  readonly memoryBytes: number;
  /**
   * Memory of one address over all its connections; a quarter of it while more than three quarters
   * of the total are in use.
   */
  readonly memoryBytesPerAddress: number;
  /** Concurrent websockets; further ones are answered 503. */
  readonly connections: number;
  /**
   * Concurrent connections of one address (or IPv6 /64), upgraded or not. Further ones are answered
   * 429, or closed at once when there are many. Apps and gateways may share an address, so the
   * limit is generous.
   */
  readonly connectionsPerAddress: number;
  /**
   * Concurrent streams of one websocket; further ones get RST. The memory limit of an address
   * covers all its websockets. A gateway keeps one stream for each idle tunnel.
   */
  readonly streamsPerConnection: number;
  /**
   * Streams among those that still carry requests; further ones get RST. Apps and gateways open
   * them in bursts.
   */
  readonly controlStreamsPerConnection: number;
  /**
   * Bytes of unanswered requests, and of data sent after them, for one websocket. The stream that
   * exceeds the limit gets RST.
   */
  readonly controlBytesPerConnection: number;
  /** The largest request: a lease with the largest metadata, and as much again for the rest. */
  readonly requestBytes: number;
  /** Connection requests of one websocket that wait for an app; further ones are REJECTED. */
  readonly requestsInFlightPerConnection: number;
  readonly leases: number;
  readonly leasesPerConnection: number;
  /** Leases of one IPv4 address or IPv6 /64. They may take a quarter of `directoryBytes`. */
  readonly leasesPerAddress: number;
  /**
   * Encoded size of all leases: the info response is one message of at most 2^26 bytes, held in
   * memory once.
   */
  readonly directoryBytes: number;
  /** UTF-8. Other relays accept any name; a DNS name has at most 255 bytes. */
  readonly nameBytes: number;
  readonly alpnCount: number;
  /** RFC 7301 §3.1: a protocol name has 255 bytes at most. */
  readonly alpnBytes: number;
  /** UTF-8. The stock demo app publishes a picture of 135 KiB in it. */
  readonly metadataBytes: number;
  /**
   * Concurrent forwarded connections of one lease; further ones are REJECTED. Equals the stream
   * limit of the app's websocket; the memory limit of an address usually applies first.
   */
  readonly forwardsPerLease: number;
  /**
   * Initial window of each stream. A forwarded connection may buffer twice this in each direction.
   */
  readonly windowBytes: number;
  /** Maximum window of a stream that is read fast. */
  readonly grownWindowBytes: number;
  /** Maximum window of a stream whose bandwidth-delay product needs more. */
  readonly farWindowBytes: number;
  /**
   * Budget for the growth of all windows of all websockets. Those of one address use at most a
   * quarter of it, less than its memory limit.
   */
  readonly windowBudgetBytes: number;
  /** The largest websocket message: a yamux frame as large as the largest window, with a margin. */
  readonly messageBytes: number;
  /** From the first byte to the end of the upgrade request. */
  readonly upgradeTimeoutMs: number;
  /**
   * Time for the next complete request on a stream, and for the peer to take a response. Clients
   * send the request right after opening the stream.
   */
  readonly requestTimeoutMs: number;
  /**
   * Time for an app to answer a connection request. Other relays wait until their keepalive fails
   * (38.5 s measured).
   */
  readonly appResponseTimeoutMs: number;
  /** Time for the peer to end a stream that this side has ended; then RST. */
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
  appResponseTimeoutMs: 15_000,
  lingerMs: 5_000,
};
