/** The injection token of the key that capabilities are sealed with: 32 bytes that all services share. */
export const CAPABILITY_SECRET = Symbol('capability secret');
