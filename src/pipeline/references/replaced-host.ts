// Whether the app gets another Host than the client sent.
import { isOneOf } from '../../kernel/references/own-reference.ts';
import type { Exchange } from '../stage.ts';

export function isHostReplaced({ destination, authority = '' }: Exchange): boolean {
  return destination !== undefined && !isOneOf([destination.host], authority);
}
