#include "spec/network.h"
