// AWS request signatures, version 4, with the names of AWS's specification ("Create a signed AWS
// API request"). Supports what a JSON API needs: one path without a query, and a body in memory.
// Not a library, for one function: aws4 adds header fields of its own, and @smithy/signature-v4
// takes 8 MB.
import { createHash, createHmac } from 'node:crypto';

export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SignableRequest {
  readonly method: string;
  /** Without a query, and without characters that need encoding. */
  readonly path: string;
  /** Must include `host`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SigningScope {
  readonly region: string;
  readonly service: string;
  readonly at: Date;
}

const algorithm = 'AWS4-HMAC-SHA256';

/**
 * The headers to send: those of the request, the date, the session token and the signature. Names
 * are in lower case.
 */
export function sign(request: SignableRequest, key: SigningKey, scope: SigningScope): Record<string, string> {
  const amzDate = scope.at.toISOString().replace(/[-:]|\.\d+/g, '');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value;
  headers['x-amz-date'] = amzDate;
  if (key.sessionToken !== undefined) headers['x-amz-security-token'] = key.sessionToken;

  const names = Object.keys(headers).sort();
  const signedHeaders = names.join(';');
  const canonicalHeaders = names.map((name) => `${name}:${trimAll(headers[name] ?? '')}\n`).join('');
  const canonicalRequest = [
    request.method,
    request.path,
    '', // no query
    canonicalHeaders,
    signedHeaders,
    sha256(request.body),
  ].join('\n');

  const date = amzDate.slice(0, 8);
  const credentialScope = `${date}/${scope.region}/${scope.service}/aws4_request`;
  const stringToSign = [algorithm, amzDate, credentialScope, sha256(canonicalRequest)].join('\n');
  const kDate = hmac(`AWS4${key.secretAccessKey}`, date);
  const kSigning = hmac(hmac(hmac(kDate, scope.region), scope.service), 'aws4_request');
  const signature = hmac(kSigning, stringToSign).toString('hex');
  const credential = `${key.accessKeyId}/${credentialScope}`;
  headers['authorization'] =
    `${algorithm} Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}

function trimAll(value: string): string {
  return value.trim().replace(/ +/g, ' ');
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}
