#define DAGAN_LANES 4
#define DAGAN_ROWS 2
#define DAGAN_COLUMNS 4
#define DAGAN_ROWS_T 2
#define DAGAN_COLUMNS_T 4
#define DAGAN_KERNELS kPortableKernels
#define DAGAN_NAME "portable"
#include "model/winograd/winograd_kernels.inc"
