// Parses a relay's lease list incrementally, without holding the whole packet: a list may have 2^26
// bytes, mostly untrusted metadata. As strict as codec.ts: wrong wire types and lengths beyond the
// enclosing message are errors, unknown fields are skipped. Chunks may be split anywhere.
import {
  LeaseAdmission,
  maxNameBytes,
  type AdmissionOptions,
  type IgnoredCounts,
} from '../../kernel/lease-admission.ts';
import { PortalError } from '../errors.ts';
import type { Identity } from '../identity.ts';
import type { PortalLease } from '../lease.ts';
import { lengthBytes, maxMessageBytes } from './length-prefix.ts';
import { ProtobufScanner, type FieldKind, type ScanHandler } from './protobuf-scanner.ts';

/** Longer metadata is dropped; the stock demo app publishes a picture of 135 KiB in it. */
export const maxMetadataBytes = 16_384;
const maxAlpnCount = 16;
/** RFC 7301 §3.1. */
const maxAlpnBytes = 255;
const maxIdBytes = 64;
const maxKeyBytes = 64;
const maxAddressCount = 64;
const maxAddressBytes = 1_024;
const relayInfoResponse = 1;

export interface LeaseListOptions extends AdmissionOptions {
  /** `drop`: for callers that do not use it. Default: keep up to 16 KiB of each lease. */
  readonly metadata?: 'keep' | 'drop';
}

export interface LeaseList {
  readonly identity: Identity | undefined;
  readonly addresses: readonly string[];
  readonly leases: readonly PortalLease[];
  readonly ignored: IgnoredCounts;
}

interface OpenLease {
  id: string | undefined;
  name: string | undefined;
  alpn: string[];
  metadata: string;
  expires: number;
}

type Message = 'packet' | 'response' | 'info' | 'relay identity' | 'lease' | 'lease identity';

/** By message and field number. A number as kind: the maximum of bytes to keep of the field. */
const fields: Readonly<Record<Message, Readonly<Record<number, Message | number | 'varint'>>>> = {
  packet: { 1: 'varint', 2: 'response' },
  response: { 1: 'info' },
  info: { 1: 'relay identity', 2: maxAddressBytes, 3: 'lease' },
  'relay identity': { 1: maxIdBytes, 2: maxKeyBytes },
  lease: { 1: 'lease identity', 2: 'varint', 3: maxNameBytes, 4: maxAlpnBytes, 5: maxMetadataBytes },
  'lease identity': { 1: maxIdBytes, 2: 0 },
};

export class LeaseListReader implements ScanHandler<Message> {
  readonly #options: LeaseListOptions;
  #admission: LeaseAdmission;
  #leases: PortalLease[] = [];
  #addresses: string[] = [];
  readonly #prefix = Buffer.alloc(lengthBytes);
  #prefixRead = 0;
  #scanner: ProtobufScanner<Message> | undefined;
  #type = 0;
  #identity: { id: string; publicKey: Uint8Array } | undefined;
  #lease: OpenLease | undefined;

  constructor(options: LeaseListOptions) {
    this.#options = options;
    this.#admission = new LeaseAdmission(options);
  }

  /** The whole packet was read. */
  get done(): boolean {
    return this.#scanner?.done === true;
  }

  /** The packet has begun and is incomplete. */
  get begun(): boolean {
    return this.#prefixRead > 0 && !this.done;
  }

  /**
   * Yields after some fields. The chunk must not change before the generator returns; none of it is
   * kept. Throws PortalError packet_too_large or packet_malformed, after which the reader must not
   * be used.
   */
  *read(chunk: Buffer): Generator<void, void> {
    let at = 0;
    while (this.#prefixRead < lengthBytes && at < chunk.length) this.#prefix[this.#prefixRead++] = chunk[at++] ?? 0;
    if (this.#prefixRead < lengthBytes) return;
    if (this.#scanner === undefined) {
      const length = this.#prefix.readUInt32BE();
      if (length > maxMessageBytes)
        throw new PortalError(
          'packet_too_large',
          `a lease list of ${length} bytes, but at most ${maxMessageBytes} are allowed`,
        );
      this.#scanner = new ProtobufScanner('packet', length, this);
    }
    yield* this.#scanner.scan(chunk, at);
  }

  /** Throws PortalError packet_unexpected if the packet is not a lease list. */
  result(): LeaseList {
    if (this.#type !== relayInfoResponse)
      throw new PortalError(
        'packet_unexpected',
        `the relay responded to an info request with a packet of type ${this.#type}`,
      );
    const { ignored } = this.#admission;
    return { identity: this.#identity, addresses: this.#addresses, leases: this.#leases, ignored };
  }

  kindOf(message: Message, number: number): FieldKind<Message> | undefined {
    const field = fields[message][number];
    // For other packets the type is reported, not errors of their payload.
    if (message === 'packet' && number === 2 && this.#type > relayInfoResponse) return { keepBytes: 0 };
    if (typeof field !== 'number') return field === 'varint' || field === undefined ? field : { message: field };
    const isUnwanted =
      (message === 'lease' && number === 5 && this.#options.metadata === 'drop') ||
      (message === 'lease' && number === 4 && (this.#lease?.alpn.length ?? 0) >= maxAlpnCount) ||
      (message === 'info' && number === 2 && this.#addresses.length >= maxAddressCount);
    return { keepBytes: isUnwanted ? 0 : field };
  }

  begin(message: Message): void {
    if (message === 'lease') this.#lease = { id: '', name: '', alpn: [], metadata: '', expires: 0 };
    else if (message === 'relay identity') this.#identity ??= { id: '', publicKey: new Uint8Array() };
    else if (message === 'response') {
      // The last of several payloads wins, as in every protobuf decoder.
      this.#identity = undefined;
      this.#addresses = [];
      this.#leases = [];
      this.#admission = new LeaseAdmission(this.#options);
    }
  }

  end(message: Message): void {
    const lease = this.#lease;
    if (message !== 'lease' || lease === undefined) return;
    this.#lease = undefined;
    const { id = '', name, alpn, metadata, expires } = lease;
    if (!this.#admission.admits(id, name)) return;
    this.#leases.push({ id, name: name ?? '', alpn, metadata, expiresAtMs: expires * 1_000 });
  }

  varint(message: Message, _number: number, value: number): void {
    if (message === 'packet') this.#type = value;
    else if (this.#lease !== undefined) this.#lease.expires = value;
  }

  bytes(message: Message, number: number, value: Buffer | undefined): void {
    const lease = this.#lease;
    switch (message) {
      case 'info':
        if (value !== undefined) this.#addresses.push(textOf(value));
        return;
      case 'relay identity':
        if (this.#identity === undefined) return;
        if (number === 1) this.#identity.id = textOf(value);
        else this.#identity.publicKey = new Uint8Array(value ?? []);
        return;
      case 'lease identity':
        if (lease !== undefined && number === 1) lease.id = value && textOf(value);
        return;
      case 'lease':
        if (lease === undefined) return;
        if (number === 3) lease.name = value && textOf(value);
        else if (number === 4 && value !== undefined) lease.alpn.push(textOf(value));
        else if (number === 5) lease.metadata = textOf(value);
        return;
      case 'packet':
      case 'response':
        return;
    }
  }
}

/** Invalid UTF-8 becomes U+FFFD: an error would let one app hide all others. */
function textOf(bytes: Buffer | undefined): string {
  return bytes === undefined ? '' : bytes.toString('utf8');
}
