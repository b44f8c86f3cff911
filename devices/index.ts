// The device models: `import … from 'printkit/devices'`. Each needs a clock of virtual time, an
// interrupt line or callbacks, and nothing of Node.

// What a device needs, and what it offers a board
export * from './ports.ts';

// The UART, and what can be attached to it
export * from './uart8250/index.ts';

// The rest of the board
export * from './aclint/index.ts';
export * from './plic/index.ts';
export * from './nmi/index.ts';
export * from './test-finisher/index.ts';
