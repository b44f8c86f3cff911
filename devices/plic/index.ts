// Public names of the PLIC model.
export * from './plic.ts';
