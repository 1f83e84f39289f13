// What every program says to somebody who names a relay of the second generation.

export const v2RelayFault = 'is the URL of a Portal v2 relay, which comes with a later release';
export const v1RelayForm = 'a v1 relay is wss://HOST[:PORT]/relay';
