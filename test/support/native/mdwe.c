/*
 * Runs a program in which memory that was written never becomes executable (PR_SET_MDWE, Linux 6.3).
 *
 *   mdwe PROGRAM [ARGUMENT...]      97: the kernel has no such thing
 */
#include <sys/prctl.h>
#include <unistd.h>

#define MDWE 65 /* PR_SET_MDWE */

int main(int argc, char **argv)
{
	if (argc < 2)
		return 96;
	if (prctl(MDWE, 1, 0, 0, 0) < 0)
		return 97;
	execvp(argv[1], argv + 1);
	return 127;
}
