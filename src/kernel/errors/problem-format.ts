// Decides by the request which kind of error response its client can read.
import { fieldValue } from '../http/field-value.ts';
import type { RawHeaders } from '../http/http.ts';

/** `sdk`: problem+json with the `error` member that SDKs of language model APIs read. */
export type ProblemFormat = 'json' | 'sdk' | 'html' | 'grpc';

/** `target`: the request target; '' if it is unknown. */
export function problemFormat(received: RawHeaders, target: string): ProblemFormat {
  if (grpcType(received) !== undefined) return 'grpc';
  if (prefersHtml(received)) return 'html';
  return isFromSdk(received, target) ? 'sdk' : 'json';
}

const grpcForm = /^application\/grpc(?:-web(?:-text)?)?(?:\+[\w.-]{1,32})?(?=$|[\t ;])/i;

/** The content type of a gRPC or gRPC-Web request, without parameters. Undefined: another one. */
export function grpcType(received: RawHeaders): string | undefined {
  return grpcForm.exec(fieldValue(received, 'content-type') ?? '')?.[0];
}

/**
 * Whether Accept names text/html explicitly and weighs it at least as high as JSON, as browsers do.
 * All other clients get JSON.
 */
export function prefersHtml(received: RawHeaders): boolean {
  let html = 0;
  let json = 0;
  for (let i = 0; i < received.length; i += 2) {
    const name = received[i] ?? '';
    if (name.length !== 6 || name.toLowerCase() !== 'accept') continue;
    for (const range of (received[i + 1] ?? '').split(',')) {
      const [type = '', ...parameters] = range.split(';');
      switch (type.trim().toLowerCase()) {
        case 'text/html':
          html = Math.max(html, weightOf(parameters));
          break;
        case 'application/json':
        case 'application/problem+json':
          json = Math.max(json, weightOf(parameters));
      }
    }
  }
  return html > 0 && html >= json;
}

function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim().toLowerCase() !== 'q') continue;
    const weight = Number(value.trim());
    return weight >= 0 && weight <= 1 ? weight : 0;
  }
  return 1;
}

/** Sent by the SDKs of OpenAI and Anthropic, which Stainless generates. */
const sdkHeaders = ['x-stainless-', 'anthropic-', 'openai-'];

function isFromSdk(received: RawHeaders, target: string): boolean {
  if (target.split('?', 1)[0]?.includes('/v1/') === true) return true;
  for (let i = 0; i < received.length; i += 2) {
    const name = received[i]?.toLowerCase() ?? '';
    if (sdkHeaders.some((start) => name.startsWith(start))) return true;
  }
  return false;
}
