//! Modbus frames.

use mongoose::codec::modbus::{FRAME_MAX, Kind, Request, Values, Work, frame_len};

/// Frames are cut one after the other; each is answered by one that is no longer than allowed,
/// keeps its ids, and can be cut itself.
pub fn frames(data: &[u8]) {
    let mut rest = data;
    while let Ok(Some(len)) = frame_len(rest) {
        let Some((frame, after)) = rest.split_at_checked(len) else { return };
        rest = after;
        let request = Request::parse(frame).expect("complete");
        let mut out = [0; FRAME_MAX];
        let answer_len = match request.work {
            Err(code) => request.answer(Err(code), &mut out),
            // The bytes of the frame, as far as they go, are texts, too.
            Ok(Work::Identify(identify)) => {
                let text = |object: u8| frame.get(usize::from(object % 16)..);
                identify.answer(&request, text, &mut out)
            }
            Ok(Work::One(call) | Work::Mask { read: call, .. } | Work::Exchange { write: call, .. }) => {
                let (mut bits, mut registers) = (vec![1; call.count.into()], vec![1; call.count.into()]);
                call.bits(&mut bits);
                call.registers(&mut registers);
                let values = match call.kind {
                    Kind::Bits => Values::Bits(&bits),
                    Kind::Registers => Values::Registers(&registers),
                };
                request.answer(Ok(values), &mut out)
            }
        };
        assert_eq!(frame_len(&out), Ok(Some(answer_len)));
        assert_eq!((&out[..4], out[6], out[7] & 0x7f), (&frame[..4], frame[6], frame[7] & 0x7f));
    }
}
