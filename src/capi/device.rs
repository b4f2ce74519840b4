//! Hardware of devices: Ethernet PHYs, and Wi-Fi, which a host has no driver for.

use super::arg;
use crate::abi::{Phy, PhyConfig, PhySpeed, WifiData};
use crate::codec::phy::{self, Config, Registers, Speed};
use crate::fence;
use crate::net::event_loop::log;

/// The registers of one PHY, by the program's functions.
struct Bus {
    read: unsafe extern "C" fn(addr: u8, reg: u8) -> u16,
    write: unsafe extern "C" fn(addr: u8, reg: u8, value: u16),
    addr: u8,
}

impl Bus {
    /// `None` when a function is missing.
    ///
    /// # Safety
    /// `phy` is NULL or readable, and its functions may be called.
    unsafe fn new(phy: Option<&Phy>, addr: u8) -> Option<Bus> {
        let phy = phy?;
        Some(Bus { read: phy.read_reg?, write: phy.write_reg?, addr })
    }
}

impl Registers for Bus {
    fn read(&mut self, reg: u8) -> u16 {
        // SAFETY: the program's function, which `new` was given.
        unsafe { (self.read)(self.addr, reg) }
    }

    fn write(&mut self, reg: u8, value: u16) {
        // SAFETY: the program's function, which `new` was given.
        unsafe { (self.write)(self.addr, reg, value) }
    }
}

/// Resets an Ethernet PHY and sets it up, by its identifier: TI DP838xx, Microchip KSZ8x; others need
/// nothing. `config` are bits of `MG_PHY_LEDS_ACTIVE_HIGH` and `MG_PHY_CLOCKS_MAC`. A reset that does
/// not end is waited for 10,000 reads. Does nothing without both functions.
///
/// # Threads
/// As the functions of `phy` say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_phy_init(phy: *mut Phy, addr: u8, config: u8) {
    fence!("mg_phy_init", phy: arg::shared);
    // SAFETY: the caller passes the functions of a bus.
    let Some(mut bus) = (unsafe { Bus::new(phy, addr) }) else { return };
    let has = |bit: PhyConfig| config & bit as u8 != 0;
    let config = Config {
        leds_active_high: has(PhyConfig::MG_PHY_LEDS_ACTIVE_HIGH),
        clocks_mac: has(PhyConfig::MG_PHY_CLOCKS_MAC),
    };
    let (id1, id2) = phy::init(&mut bus, config);
    log::info(format_args!("PHY ID: {id1:#06x} {id2:#06x}"));
}

/// Tells whether an Ethernet PHY has a link, and what it is like.
///
/// `full_duplex` and `speed` (`MG_PHY_SPEED_*`) are set when there is a link, both are not NULL, and
/// the chip is known: TI DP838xx, Microchip KSZ8x and LAN87x, Realtek RTL8xxx, ICS1894.
///
/// # Returns
/// true when there is a link; false without both functions.
///
/// # Threads
/// As the functions of `phy` say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_phy_up(phy: *mut Phy, addr: u8, full_duplex: *mut bool, speed: *mut u8) -> bool {
    fence!("mg_phy_up", phy: arg::shared, full_duplex: arg::out, speed: arg::out);
    // SAFETY: the caller passes the functions of a bus.
    let Some(mut bus) = (unsafe { Bus::new(phy, addr) }) else { return false };
    let up = phy::is_up(&mut bus);
    if up
        && full_duplex.is_wanted()
        && speed.is_wanted()
        && let Some(mode) = phy::mode(&mut bus)
    {
        full_duplex.set(mode.full_duplex);
        speed.set(match mode.speed {
            Speed::M10 => PhySpeed::MG_PHY_SPEED_10M,
            Speed::M100 => PhySpeed::MG_PHY_SPEED_100M,
            Speed::M1000 => PhySpeed::MG_PHY_SPEED_1000M,
        } as u8);
    }
    up
}

/// There is no driver: says so in the log.
fn no_wifi() -> bool {
    log::error(format_args!("No Wi-Fi driver enabled"));
    false
}

/// Looks for Wi-Fi networks. A host has no driver for that.
///
/// # Returns
/// false.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub extern "C" fn mg_wifi_scan() -> bool {
    fence!("mg_wifi_scan");
    no_wifi()
}

/// Joins a Wi-Fi network. A host has no driver for that; `wifi` is not looked at.
///
/// # Returns
/// false.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub extern "C" fn mg_wifi_connect(wifi: *mut WifiData) -> bool {
    fence!("mg_wifi_connect");
    let _ = wifi;
    no_wifi()
}

/// Leaves a Wi-Fi network. A host has no driver for that.
///
/// # Returns
/// false.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub extern "C" fn mg_wifi_disconnect() -> bool {
    fence!("mg_wifi_disconnect");
    no_wifi()
}

/// Becomes a Wi-Fi access point. A host has no driver for that; `wifi` is not looked at.
///
/// # Returns
/// false.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub extern "C" fn mg_wifi_ap_start(wifi: *mut WifiData) -> bool {
    fence!("mg_wifi_ap_start");
    let _ = wifi;
    no_wifi()
}

/// Is no Wi-Fi access point any more. A host has no driver for that.
///
/// # Returns
/// false.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub extern "C" fn mg_wifi_ap_stop() -> bool {
    fence!("mg_wifi_ap_stop");
    no_wifi()
}
