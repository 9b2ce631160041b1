// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loaded just before a restart into the other slot: asks the firmware of a Raspberry Pi to start once by the [tryboot]
 * part of autoboot.txt. Raspberry Pi's own kernel does that when the word stands behind `reboot`; Debian's does not.
 */
#include <linux/module.h>
#include <linux/of.h>
#include <soc/bcm2835/raspberrypi-firmware.h>

/* Of Raspberry Pi's own header (include/soc/bcm2835/raspberrypi-firmware.h there). */
#define GET_REBOOT_FLAGS 0x00030064
#define SET_REBOOT_FLAGS 0x00038064
#define TRYBOOT 1

static unsigned int flags = TRYBOOT;
module_param(flags, uint, 0444);
MODULE_PARM_DESC(flags, "1: try once; 0: what was asked for is taken back");

static int __init tryboot_init(void)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "raspberrypi,bcm2835-firmware");
	struct rpi_firmware *firmware;
	u32 set = flags, told = 0;
	int error;

	if (!node)
		return -ENODEV;
	firmware = rpi_firmware_get(node);
	of_node_put(node);
	if (!firmware)
		return -ENXIO;
	error = rpi_firmware_property(firmware, SET_REBOOT_FLAGS, &set, sizeof(set));
	/* Only said: firmware that does not tell may know all the same. */
	if (!error && (rpi_firmware_property(firmware, GET_REBOOT_FLAGS, &told, sizeof(told)) || told != flags))
		pr_warn("nightjar-tryboot: the firmware does not confirm it (%u)\n", told);
	rpi_firmware_put(firmware);
	return error;
}

static void __exit tryboot_exit(void)
{
}

module_init(tryboot_init);
module_exit(tryboot_exit);
MODULE_DESCRIPTION("One start of a Raspberry Pi by the [tryboot] part of autoboot.txt");
MODULE_LICENSE("GPL");
