// Name and version, as the boot log and the shell show them.

export const NAME: string = 'printkit';
export const VERSION: string = '0.1.0';
