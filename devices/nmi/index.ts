// Public names of the NMI controller.
export * from './nmi.ts';
