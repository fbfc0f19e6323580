"""General words for general things: which words of a question and of a tool speak of the same matter."""

# One entry: concept | English words (phrases with _) | Chinese words; a line set in goes on with the one above.
# `~` marks words that only hint at the concept.
THINGS = """
order | order orders purchase purchased bought buy buys ordered ordering ~placed ~checkout ~arrive | 订单 下单
    买了 购买 订购
customer | customer client user buyer shopper account member subscriber | 客户 用户 顾客 买家 会员 账户 账号
package | package packages parcel shipment delivery consignment courier ~box | 包裹 快递 货物 邮包 物流
shipping | ship shipping delivery postage freight deliver dispatch ~parcel ~package ~post ~mail | 运费 邮费 寄
    运送 配送 发货
invoice | invoice bill billing receipt | 发票 账单 收据
payment | payment pay paid charge card transaction purchase ~owe | 付款 支付 交易 扣款
balance | balance funds savings ~account | 余额 存款
product | product item sku goods merchandise catalog catalogue article | 商品 产品 货品
inventory | inventory stock in_stock available availability left warehouse supply sold_out quantity ~on_hand |
    库存 存货 有货 现货 缺货 仓库 还剩
price | price cost costs pricing priced quote fee expensive cheap worth how_much ~rate | 价格 价钱 多少钱 费用
    报价 价位
shares | stock share shares ticker equity trading nasdaq market quote ~price ~symbol | 股票 股价 股市 股份
crypto | crypto cryptocurrency bitcoin btc ethereum eth coin dogecoin | 比特币 加密货币 以太坊 币价
currency | currency currencies money exchange forex fx dollar dollars euro euros yen pound pounds yuan rupee usd
    eur gbp jpy cny chf cad inr rmb ~cash | 货币 汇率 外汇 换成 兑换 美元 欧元 英镑 日元 人民币 换汇
weather | weather forecast rain raining rainy umbrella coat jacket snow snowing sunny cloudy wind windy storm
    humid humidity temperature hot cold warm meteorological thunderstorm degrees drizzle ~conditions ~outside
    ~wear ~sunglasses ~picnic ~climate | 天气 下雨 下雪 气温 温度 雨伞 带伞 预报 刮风 晴天 多云 冷不冷 热不热
    几度 气象
air | air_quality aqi pollution smog pollen | 空气质量 雾霾 污染
calculate | calculate calculator calculation compute arithmetic math maths sum total add plus minus subtract
    multiply multiplied times divide divided expression evaluate percent percentage squared root altogether
    in_total ~split ~each ~equation ~how_many | 计算 算 加 减 乘以 除以 等于 总共 一共 求和 百分之 乘 除 表达式
    合计
unit | unit units measure measurement kilometer kilometers mile miles meter feet foot inch inches kilogram kg
    pound pounds ounce ounces celsius fahrenheit liter litre gallon cup cups gram grams km cm lb metric imperial
    | 单位 公里 英里 厘米 英寸 英尺 公斤 千克 磅 摄氏度 华氏度 升 加仑 盎司 米等于
email | email e_mail mail inbox message gmail ~letter | 邮件 电子邮件 邮箱 发信
sms | sms text_message message texting chat slack dm notification notify | 短信 消息 通知
calendar | calendar event meeting schedule appointment agenda invite ~free ~busy ~book | 日历 日程 会议 约会
    活动 安排 行程
remind | remind reminder reminders alarm ~forget ~alert | 提醒 备忘 闹钟 别忘
timer | timer countdown stopwatch | 计时 倒计时
todo | todo to_do task tasks chore checklist | 待办 任务 清单
note | note notes memo jot write_down | 笔记 记下 备忘录
translate | translate translation translator language say_in how_do_you_say ~french ~spanish ~german ~japanese
    ~italian ~chinese ~portuguese ~korean ~english ~mean | 翻译 译成 译为 怎么说 用英语 用法语 用日语
spelling | spell spelling grammar proofread | 拼写 语法
summary | summarize summarise summary tldr shorten condense | 摘要 总结 概括
sentiment | sentiment tone positive negative mood | 情感 情绪
time | time clock hour o'clock timezone time_zone what_time ~now | 时间 几点 时区 钟点
date | date day weekday calendar days_until what_day ~today | 日期 星期几 几号 周几
holiday | holiday holidays bank_holiday public_holiday | 假期 节假日 放假
flight | flight flights fly flying plane airline airport departure depart land landed boarding ~gate ~arrive
    ~arrival | 航班 飞机 机票 起飞 航空 降落 机场
train | train railway rail station | 火车 高铁 列车 车次
transit | bus metro subway tram transit | 公交 地铁
taxi | taxi cab ride uber lyft | 出租车 打车 网约车
car | car vehicle rental rent_a_car | 汽车 租车
parking | parking park_my_car | 停车
hotel | hotel hotels lodging accommodation stay room rooms hostel motel check_in ~night ~nights ~place_to_stay |
    酒店 宾馆 住宿 旅馆 房间 民宿
restaurant | restaurant restaurants dining dine eat eating food dinner lunch cuisine sushi pizza italian bistro
    cafe place_to_eat ~table ~vegan ~hungry | 餐厅 餐馆 饭店 吃饭 美食 菜馆 吃什么 好吃
recipe | recipe recipes cook cooking ingredients bake dish meal | 食谱 菜谱 做菜 怎么做菜 烹饪
nutrition | calories calorie nutrition nutritional protein carbs vitamins | 卡路里 热量 营养
workout | workout exercise fitness gym training steps | 锻炼 健身 运动
bmi | bmi body_mass body_mass_index weigh weight height overweight tall | 体重 身高 体质指数 胖
medicine | medicine drug medication pill dose prescription pharmacy | 药 药品 处方
doctor | doctor clinic physician dentist hospital symptom | 医生 医院 诊所
loan | loan mortgage repayment instalment installment interest borrow monthly_payment lend credit | 贷款 房贷
    月供 利率 利息 还款
tip | tip tips gratuity ~bill ~waiter | 小费
tax | tax taxes vat income_tax | 税 税率 增值税
budget | budget expense expenses spending spent spend | 预算 开支 花费 支出 报销
password | password passwords passphrase passcode ~secure ~characters ~login | 密码 口令
random | random dice die roll coin_flip flip pick_a_number lottery between | 随机 骰子 掷 抽签 抛硬币
uuid | uuid guid | 唯一标识
hash | hash checksum sha256 md5 digest encode base64 | 哈希 校验和 编码
distance | distance far how_far away route directions drive driving travel_time kilometers_between ~between
    ~long | 距离 多远 路线 路程 导航 怎么走
map | map location address place geocode coordinates latitude longitude where nearby | 地图 位置 地址 坐标 在哪
    经纬度 附近
movie | movie movies film films director actor cinema imdb starring directed plot watch ~cast ~released | 电影
    影片 导演 演员 主演 上映
music | music song songs playlist album artist track play lyrics | 音乐 歌曲 歌 播放 专辑 歌词
book | book books novel author isbn library wrote ~read | 书 小说 作者 图书
tv | tv show episode series | 电视剧 剧集
game | game games score match team league football basketball sports won | 比赛 比分 球队 足球 篮球
news | news headlines headline articles latest breaking press happening | 新闻 头条 要闻 资讯
web | web internet online google website page url site link ~browse ~search | 网上 网页 网站 互联网 上网 搜一下
    百度 网址
knowledge | knowledge kb faq help_center article policy policies documentation docs guide manual how_do_i
    handbook ~question ~rules ~warranty ~allowed ~procedure | 知识库 政策 规定 文档 手册 常见问题 怎么办理 规则
wiki | wikipedia wiki encyclopedia encyclopaedia | 百科
define | define definition dictionary meaning synonym word ~mean | 定义 词典 意思 含义 同义词
ticket | ticket tickets issue bug support incident case complaint report problem ~broken ~crashes ~helpdesk |
    工单 问题单 故障 报修 投诉 工作单
priority | priority urgent severity | 优先级 紧急
file | file files document documents folder directory pdf spreadsheet docx csv path filename | 文件 文档 文件夹
    目录
database | database sql query table rows records db schema | 数据库 数据表 查询语句 记录 表
code | code python script program snippet execute | 代码 脚本 程序
log | log logs logfile trace errors | 日志
server | server service host uptime deployment deploy restart status down ping latency | 服务器 服务 部署 重启
    状态 宕机
metric | metric metrics cpu memory disk usage dashboard | 指标 内存 磁盘 监控
repository | repository repo commit branch pull_request github git | 仓库 代码库 提交 分支
employee | employee employees staff colleague hr team_member | 员工 职员 同事 人事
leave | leave vacation pto time_off day_off holiday sick | 请假 年假 休假 病假
salary | salary payroll wage payslip | 工资 薪水 薪资
contact | contact contacts phone number telephone phonebook call address_book | 联系人 电话 通讯录 手机号
    联系方式
lead | lead leads crm deal opportunity pipeline prospect | 线索 商机 销售机会
discount | discount coupon voucher promo promotion code | 优惠 折扣 优惠券 促销
cart | cart basket | 购物车
review | review reviews rating ratings feedback stars | 评论 评价 评分
subscription | subscription subscribe plan membership | 订阅 套餐
category | category categories kinds | 分类 类别 类目
store | store stores shop branch opening_hours open ~close | 门店 商店 店铺 营业时间
return | return refund money_back reimburse give_back | 退货 退款 退钱
light | light lights lamp brightness bulb dim | 灯 灯光 亮度
thermostat | thermostat heating heat heater aircon | 空调 暖气 恒温
lock | lock unlock door | 锁 门锁 开门
image | image picture photo photos draw drawing logo illustration | 图片 照片 图像 画
video | video videos youtube clip | 视频
color | color colour hex rgb | 颜色
country | country countries nation population capital | 国家 人口 首都
sun | sunrise sunset sun daylight | 日出 日落
moon | moon lunar | 月亮 月相
age | age old birthday born years_old | 年龄 生日 几岁
name | name called names | 名字 姓名
status | status state progress tracking where_is whereabouts ~shipped ~arrived | 状态 进度 到哪 到了
history | history past previous earlier ever everything | 历史 以前 过去 记录
language_detect | detect_language which_language identify_language | 什么语言
survey | survey poll questionnaire vote | 问卷 投票
seat | seat table reservation reserve booking | 座位 餐位 预订 预约
visa | visa passport | 签证 护照
course | course class lesson student students grade exam school homework | 课程 学生 成绩 考试 作业
policy_claim | insurance claim claims insured coverage | 保险 理赔
"""

# What is done to a thing. Tools that change something need their action to be spoken of.
ACTIONS = """
cancel | cancel cancelled cancellation call_off abort void scrap | 取消 撤销 作废
delete | delete remove erase drop destroy get_rid_of ~clear | 删除 删掉 移除 清除
create | create make new add open open_a raise file_a start register set_up log_a submit ~put ~report | 创建
    新建 建立 新增 添加 开一个 提交 登记
update | update change edit modify set rename adjust correct switch move reschedule | 更新 修改 更改 改成 改为
    调整 变更 改
send | send write email mail text message notify forward tell post | 发送 发给 发 寄给 通知 告诉
refund | refund money_back reimburse give_back return chargeback | 退款 退钱 退货
book | book booking reserve reservation | 预订 预约 订
pay | pay transfer wire | 付款 支付 转账
remind | remind reminder alarm wake ~forget | 提醒 叫醒 闹钟
schedule | schedule plan arrange book set_up put ~meeting ~add ~create | 安排 预约 约
restart | restart reboot reset relaunch | 重启 重置
assign | assign delegate | 分配 指派
approve | approve accept confirm | 批准 同意 确认
close | close resolve shut | 关闭 解决
upload | upload attach | 上传
download | download export | 下载 导出
play | play listen | 播放 听
turn | turn_on turn_off switch_on switch_off dim | 打开 关掉 关闭 开灯 关灯
generate | generate create make give new | 生成 产生
roll | roll throw toss | 掷 扔
convert | convert change exchange swap turn into conversion | 换成 转换 兑换 换算 转成 换
translate | translate say translation | 翻译 译成 怎么说
track | track tracking trace where_is follow locate | 跟踪 追踪 到哪 查物流
compare | compare versus vs | 比较 对比
summarize | summarize summarise shorten | 总结 概括
subscribe | subscribe sign_up | 订阅
unsubscribe | unsubscribe opt_out | 退订
deploy | deploy release roll_out | 部署 上线
block | block ban suspend disable freeze | 封禁 禁用 冻结
share | share give_access | 分享 共享
copy | copy duplicate | 复制
move | move | 移动
"""

READING = frozenset(
    [
        "check",
        "data",
        "details",
        "display",
        "fetch",
        "find",
        "find_out",
        "get",
        "info",
        "information",
        "list",
        "look",
        "lookup",
        "query",
        "read",
        "retrieve",
        "search",
        "see",
        "show",
        "view",
    ]
)

CHANGING = frozenset(
    [
        "approve",
        "assign",
        "block",
        "book",
        "cancel",
        "close",
        "create",
        "delete",
        "deploy",
        "move",
        "pay",
        "play",
        "refund",
        "remind",
        "restart",
        "schedule",
        "send",
        "share",
        "subscribe",
        "turn",
        "unsubscribe",
        "update",
        "upload",
    ]
)

STOP = frozenset(
    [
        "a",
        "about",
        "again",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "ask",
        "at",
        "be",
        "been",
        "by",
        "can",
        "could",
        "current",
        "currently",
        "d",
        "did",
        "do",
        "does",
        "e",
        "eg",
        "for",
        "from",
        "g",
        "get",
        "give",
        "given",
        "got",
        "had",
        "has",
        "have",
        "he",
        "hello",
        "her",
        "here",
        "hey",
        "hi",
        "his",
        "how",
        "i",
        "id",
        "ids",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "know",
        "let",
        "like",
        "ll",
        "m",
        "may",
        "me",
        "might",
        "mine",
        "more",
        "most",
        "must",
        "my",
        "need",
        "no",
        "not",
        "now",
        "number",
        "of",
        "ok",
        "okay",
        "on",
        "one",
        "optional",
        "or",
        "our",
        "out",
        "over",
        "per",
        "please",
        "re",
        "return",
        "returned",
        "returns",
        "right",
        "s",
        "shall",
        "she",
        "should",
        "so",
        "some",
        "string",
        "t",
        "tell",
        "text",
        "than",
        "thanks",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "today",
        "tomorrow",
        "under",
        "up",
        "us",
        "use",
        "used",
        "using",
        "value",
        "values",
        "ve",
        "very",
        "via",
        "want",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "yours",
    ]
)
