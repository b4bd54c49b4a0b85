import { jest } from '@jest/globals';

// A server that stops gives its connections 5 s, which is all that jest gives a hook.
jest.setTimeout(30_000);
