/* Two harts that take two locks in opposite orders, each interrupted once by a handler that takes one of
 * them too; a third hart raises both interrupts. The same as bench/abba.ts, statement by statement: every
 * visible operation there is one atomic step here. Explore all of it with
 *   spin -a abba.pml && cc -O2 -DNOREDUCE -o pan pan.c && ./pan -c0
 * A `provided` clause keeps a task from running while its handler does; it excludes spin's own
 * partial-order reduction (pan says so), hence NOREDUCE.
 */
#ifndef ROUNDS
#define ROUNDS 2
#endif

bit lock[2];		/* amoswap.w: free or taken */
bit pending[2];		/* msip */
bit in_handler[2];

inline spin_lock(n)   { atomic { lock[n] == 0 -> lock[n] = 1 } }
inline spin_unlock(n) { lock[n] = 0 }

proctype task(byte hart) provided (in_handler[hart] == 0)
{
	byte round = 0;
	do
	:: round < ROUNDS ->
		spin_lock(hart);
		spin_lock(1 - hart);
		spin_unlock(1 - hart);
		d_step { spin_unlock(hart); round++ }
	:: else -> break
	od
}

proctype handler(byte hart)
{
	atomic { pending[hart] -> in_handler[hart] = 1 }
	pending[hart] = 0;
	spin_lock(1 - hart);
	spin_unlock(1 - hart);
	in_handler[hart] = 0
}

proctype sender()
{
	pending[0] = 1;
	pending[1] = 1
}

init { atomic { run task(0); run task(1); run handler(0); run handler(1); run sender() } }
