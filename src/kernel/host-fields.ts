// The response fields in which an app names its own host.

export type HostField = 'location' | 'content-location' | 'refresh' | 'cookie' | 'origin';

/** Undefined: another field. By length first, because most names need no further comparison. */
export function hostFieldOf(name: string): HostField | undefined {
  switch (name.length) {
    case 7:
      return name.toLowerCase() === 'refresh' ? 'refresh' : undefined;
    case 8:
      return name.toLowerCase() === 'location' ? 'location' : undefined;
    case 10:
      return name.toLowerCase() === 'set-cookie' ? 'cookie' : undefined;
    case 16:
      return name.toLowerCase() === 'content-location' ? 'content-location' : undefined;
    case 27:
      return name.toLowerCase() === 'access-control-allow-origin' ? 'origin' : undefined;
    default:
      return undefined;
  }
}
