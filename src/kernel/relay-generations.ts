// Error text for the URL of a Portal v2 relay, shared by the configuration and the command line.

export const v2RelayFault = 'is the URL of a Portal v2 relay, which comes with a later release';
export const v1RelayForm = 'a v1 relay is wss://HOST[:PORT]/relay';
