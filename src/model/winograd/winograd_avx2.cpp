#define DAGAN_LANES 8
#define DAGAN_ROWS 6
#define DAGAN_COLUMNS 2
#define DAGAN_ROWS_T 4
#define DAGAN_COLUMNS_T 2
#define DAGAN_KERNELS kAvx2Kernels
#define DAGAN_NAME "avx2"
#include "model/winograd/winograd_kernels.inc"
