#define DAGAN_LANES 16
#define DAGAN_ROWS 12
#define DAGAN_COLUMNS 2
#define DAGAN_ROWS_T 8
#define DAGAN_COLUMNS_T 3
#define DAGAN_KERNELS kAvx512Kernels
#define DAGAN_NAME "avx512f"
#include "model/winograd/winograd_kernels.inc"
