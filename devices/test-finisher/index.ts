// Public names of the test finisher.
export * from './test-finisher.ts';
