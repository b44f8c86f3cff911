// Public names of the ACLINT model.
export * from './aclint.ts';
